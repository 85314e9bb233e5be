//! The built filter in an interpreter: finds the file, makes an instance, calls its exports.

use crate::abi::Action;
use crate::world::World;
use crate::{imports, wasi};
use std::path::PathBuf;
use std::sync::OnceLock;
use wasmi::{Engine, Instance, Linker, Module, Store, Val};

pub(crate) struct Vm {
    pub(crate) store: Store<World>,
    instance: Instance,
}

/// What a callback returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned {
    value: i32,
    /// An answer of the filter's own is under way.
    stop: bool,
}

impl Returned {
    pub(crate) fn is_true(self) -> bool {
        self.value != 0
    }

    pub(crate) fn action(self) -> Action {
        match self.value {
            _ if self.stop => Action::Stop,
            0 => Action::Continue,
            1 => Action::Pause,
            other => panic!("the filter returns the action {other}"),
        }
    }
}

/// The filter, compiled once for all tests of the process.
pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::new(&Engine::default(), wasm()).unwrap())
}

/// The built file: `HANSARD_FILTER_WASM`, else where `make build` leaves it.
fn wasm() -> Vec<u8> {
    let built =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wasm32-wasip1/wasm/hansard_filter.wasm");
    let path = std::env::var_os("HANSARD_FILTER_WASM").map_or_else(|| built.into(), PathBuf::from);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}\nThese tests run the built filter. Build it first:\n    cargo build \
             --profile wasm --target wasm32-wasip1 -p hansard-filter\nor name another file with \
             HANSARD_FILTER_WASM.",
            path.display()
        )
    })
}

impl Vm {
    /// An instance whose constructors have run.
    pub(crate) fn new(world: World) -> Self {
        let mut vm = Self::instance(world);
        vm.call(0, "_initialize", &[]);
        vm
    }

    /// A second VM in the same state. Between two calls all of a module's state is its memory: the
    /// stack pointer, its only other variable, is back where it began.
    pub(crate) fn fork(&self, world: World) -> Self {
        let mut vm = Self::instance(world);
        let from = self.store.data().memory.unwrap();
        let to = vm.store.data().memory.unwrap();
        let grown = from.size(&self.store) - to.size(&vm.store);
        to.grow(&mut vm.store, grown).unwrap();
        to.data_mut(&mut vm.store).copy_from_slice(from.data(&self.store));
        vm
    }

    fn instance(world: World) -> Self {
        let module = module();
        let mut store = Store::new(module.engine(), world);
        let mut linker = Linker::new(module.engine());
        wasi::link(&mut linker);
        imports::link(&mut linker, module);
        let instance = linker.instantiate_and_start(&mut store, module).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        let allocate = instance.get_typed_func(&store, "proxy_on_memory_allocate").unwrap();
        store.data_mut().memory = Some(memory);
        store.data_mut().allocate = Some(allocate);
        Self { store, instance }
    }

    /// Calls an export on behalf of a context. `None` once the VM has trapped: Envoy does not call
    /// a VM that failed.
    pub(crate) fn call(&mut self, context: u32, export: &str, args: &[u32]) -> Option<Returned> {
        if self.store.data().trap.is_some() {
            return None;
        }
        let function = self.instance.get_func(&self.store, export).unwrap();
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(arg.cast_signed())).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let world = self.store.data_mut();
        let outer = (world.context, world.effective);
        (world.context, world.effective) = (context, 0);
        let called = function.call(&mut self.store, &args, &mut results);
        let world = self.store.data_mut();
        (world.context, world.effective) = outer;
        let stop = std::mem::take(&mut world.stop_next);
        match called {
            Ok(()) => {
                let value = results.first().and_then(Val::i32).unwrap_or(0);
                Some(Returned { value, stop })
            }
            Err(error) => {
                let last = world.logs.last().cloned().unwrap_or_default();
                world.trap = Some(format!("{export}{args:?}: {error}: {last}"));
                None
            }
        }
    }
}
