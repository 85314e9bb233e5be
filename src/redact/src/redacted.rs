//! Proof that what goes on record went through the redactor.

/// Something in which every value that was found has its placeholder. Only this crate makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self(inner)
    }

    /// The same, borrowed.
    pub fn as_ref<U: ?Sized>(&self) -> Redacted<&U>
    where
        T: AsRef<U>,
    {
        Redacted(self.0.as_ref())
    }

    /// The thing itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The same as a part of it, or seen another way.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Redacted<U> {
        Redacted(map(self.0))
    }
}
