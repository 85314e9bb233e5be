#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)] pub enum Pii { Email }
impl Pii { pub fn description(self) -> &'static str { "" } pub fn id(self) -> &'static str { "email" } pub fn named(_: &str) -> Option<Self> { None } pub const ALL: &'static [Pii] = &[Pii::Email]; }
#[derive(Clone, Copy, Debug, Default)] pub struct Kinds(u32);
impl Kinds { pub fn insert(&mut self, _: Pii) { self.0 = 1 } pub fn is_empty(self) -> bool { self.0 == 0 } }
pub struct Hit { pub kind: Pii, pub start: usize, pub end: usize }
pub fn scan(text: &[u8], _: usize, _: bool, _: Kinds, _: &mut Vec<Hit>) -> usize { text.len() }
