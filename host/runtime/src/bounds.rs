//! What compiling a component may cost, bounded before anything is compiled: by reading it once.
//!
//! A compiler's time is more than linear in a few measures of its input: the largest function, and in it the
//! places where many local variables meet many branches. A few kilobytes can be made to take minutes and
//! gigabytes. So the measures are bounded by [`Limits`], each beside the reason for its number; what stays
//! within all of them is waited for no longer than [`Limits::compile_ms`]. `tests/examples/compile_bombs.rs` builds the
//! worst that they permit and times it.
//!
//! Composed components are refused too. Their parts call each other through adapters that the engine writes, as
//! large as the types between them, which a few bytes can make as large as they like.

use wasmparser::{
    BlockType, CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentTypeRef, FunctionBody, Operator,
    Parser, Payload,
};

use crate::error::HostError;
use crate::limits::Limits;
use crate::text::clean_line;

/// Components and modules inside each other: a component, its shim. No limit that can be set: what is deeper is
/// composed, and that is refused.
const MAX_DEPTH: usize = 3;

/// What one component amounts to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Measures {
    code_bytes: u64,
    largest_function_bytes: u64,
    functions: u64,
    most_locals: u64,
    locals: u64,
    most_joins: u64,
    joins: u64,
    deepest_loop: u64,
    most_parameters: u64,
    most_results: u64,
    types: u64,
    items: u64,
    modules: u64,
    components: u64,
}

/// One component or module on the way down.
#[derive(Default)]
struct Frame {
    /// Parameters and results of each function type of a module.
    kinds: Vec<(u64, u64)>,
    /// Types of the module's own functions, in the order of their bodies.
    functions: Vec<u32>,
    /// Bodies seen so far.
    bodies: usize,
    /// Of each function of a component: whether the host gave it.
    given_functions: Vec<bool>,
    /// Of each instance of a component: whether the host gave it.
    given_instances: Vec<bool>,
}

type Parsed<T> = Result<T, wasmparser::BinaryReaderError>;

/// Reads the component once and refuses it where it could cost too much to compile.
///
/// # Errors
/// [`HostError::TooComplex`], [`HostError::Composed`]; [`HostError::NotAComponent`] where it cannot be read.
pub(crate) fn check(wasm: &[u8], limits: &Limits) -> Result<Measures, HostError> {
    let mut measures = Measures::default();
    let mut frames: Vec<Frame> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| unreadable(&error))?;
        match payload {
            Payload::Version { .. } => frames.push(Frame::default()),
            Payload::End(_) => {
                frames.pop();
            }
            payload => {
                let nested = frames.len() > 1;
                let Some(frame) = frames.last_mut() else { continue };
                refuse_code_inside(&payload, nested)?;
                measures.read(payload, frame, limits).map_err(|error| unreadable(&error))??;
            }
        }
        if frames.len() > MAX_DEPTH {
            return Err(HostError::TooComplex {
                what: "levels of components inside each other",
                name: None,
                count: frames.len() as u64,
                limit: MAX_DEPTH as u64,
            });
        }
        measures.check(limits)?;
    }
    Ok(measures)
}

fn unreadable(error: &wasmparser::BinaryReaderError) -> HostError {
    HostError::NotAComponent(clean_line(&error.to_string(), 300))
}

/// A component inside the component may rename things and no more: code of its own would talk to the rest through
/// adapters.
fn refuse_code_inside(payload: &Payload<'_>, nested: bool) -> Result<(), HostError> {
    let has_code = matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentCanonicalSection(_));
    if nested && has_code { Err(HostError::Composed) } else { Ok(()) }
}

impl Measures {
    fn check(&self, limits: &Limits) -> Result<(), HostError> {
        macro_rules! within {
            ($($what:literal: $count:ident <= $limit:ident;)+) => {
                [$(($what, stringify!($limit), self.$count, limits.$limit),)+]
            };
        }
        for (what, name, count, limit) in within! {
            "bytes of code": code_bytes <= component_code_bytes;
            "bytes of code in one function": largest_function_bytes <= component_function_bytes;
            "functions": functions <= component_functions;
            "local variables in one function": most_locals <= component_function_locals;
            "local variables": locals <= component_locals;
            "branches times local variables in one function": most_joins <= component_function_joins;
            "branches times local variables": joins <= component_joins;
            "loops inside each other": deepest_loop <= component_loop_depth;
            "parameters of a function": most_parameters <= component_parameters;
            "results of a function": most_results <= component_results;
            "types": types <= component_types;
            "imports, exports, segments and other items": items <= component_items;
            "core modules": modules <= component_modules;
            "components inside it": components <= component_parts;
        } {
            if count > limit {
                return Err(HostError::TooComplex { what, name: Some(name), count, limit });
            }
        }
        Ok(())
    }

    /// Takes one part in. The outer result is about reading it, the inner about what it says.
    fn read(&mut self, payload: Payload<'_>, frame: &mut Frame, limits: &Limits) -> Parsed<Result<(), HostError>> {
        match payload {
            Payload::ModuleSection { .. } => self.modules += 1,
            Payload::ComponentSection { .. } => self.components += 1,
            Payload::TypeSection(types) => {
                self.types += u64::from(types.count());
                for kind in types.into_iter_err_on_gc_types() {
                    let kind = kind?;
                    let (parameters, results) = (kind.params().len() as u64, kind.results().len() as u64);
                    self.most_parameters = self.most_parameters.max(parameters);
                    self.most_results = self.most_results.max(results);
                    frame.kinds.push((parameters, results));
                }
            }
            Payload::CoreTypeSection(types) => self.types += u64::from(types.count()),
            Payload::ComponentTypeSection(types) => {
                self.types += u64::from(types.count());
                for kind in types {
                    self.types += members(&kind?);
                }
            }
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
                // No more than may be: the rest is refused before it is needed.
                for index in functions.into_iter().take(length(limits.component_functions)) {
                    frame.functions.push(index?);
                }
            }
            Payload::CodeSectionEntry(body) => self.function(&body, frame)?,
            Payload::ComponentCanonicalSection(functions) => {
                self.items += u64::from(functions.count());
                for function in functions {
                    match function? {
                        CanonicalFunction::Lift { .. } => frame.given_functions.push(false),
                        CanonicalFunction::Lower { func_index, .. }
                            if !is_given(&frame.given_functions, func_index) =>
                        {
                            return Ok(Err(HostError::Composed));
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentImportSection(imports) => {
                self.items += u64::from(imports.count());
                for import in imports {
                    match import?.ty {
                        ComponentTypeRef::Func(_) => frame.given_functions.push(true),
                        ComponentTypeRef::Instance(_) => frame.given_instances.push(true),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                self.items += u64::from(aliases.count());
                for alias in aliases {
                    if let ComponentAlias::InstanceExport { kind, instance_index, .. } = alias? {
                        let given = is_given(&frame.given_instances, instance_index);
                        frame.add(kind, given);
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                self.items += u64::from(exports.count());
                for export in exports {
                    let export = export?;
                    let given = match export.kind {
                        ComponentExternalKind::Func => is_given(&frame.given_functions, export.index),
                        _ => is_given(&frame.given_instances, export.index),
                    };
                    frame.add(export.kind, given);
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                self.items += u64::from(instances.count());
                // None of them is the host's, whatever it is made of.
                let made = length(u64::from(instances.count()).min(limits.component_items));
                frame.given_instances.extend(std::iter::repeat_n(false, made));
            }
            Payload::InstanceSection(section) => self.items += u64::from(section.count()),
            Payload::ImportSection(section) => self.items += u64::from(section.count()),
            Payload::ExportSection(section) => self.items += u64::from(section.count()),
            Payload::GlobalSection(section) => self.items += u64::from(section.count()),
            Payload::TableSection(section) => self.items += u64::from(section.count()),
            Payload::MemorySection(section) => self.items += u64::from(section.count()),
            Payload::TagSection(section) => self.items += u64::from(section.count()),
            Payload::ElementSection(section) => self.items += u64::from(section.count()),
            Payload::DataSection(section) => self.items += u64::from(section.count()),
            _ => {}
        }
        Ok(Ok(()))
    }

    fn function(&mut self, body: &FunctionBody<'_>, frame: &mut Frame) -> Parsed<()> {
        let bytes = body.as_bytes().len() as u64;
        // A type that is not there is the engine's to refuse.
        let kind_of = |index: u32| usize::try_from(index).ok().and_then(|index| frame.kinds.get(index)).copied();
        let kind = frame.functions.get(frame.bodies).and_then(|index| kind_of(*index));
        let (mut locals, results) = kind.unwrap_or_default();
        for declared in body.get_locals_reader()? {
            locals += u64::from(declared?.0);
        }
        let mut branches = 1;
        let mut loops = 0;
        // Of each block that is open: whether it is a loop.
        let mut open: Vec<bool> = Vec::new();
        let (mut depth, mut deepest) = (0_u64, 0);
        // What a branch may carry besides: the most of any block.
        let mut carried = results;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let block = match &operator {
                Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => Some(*blockty),
                Operator::TryTable { try_table } => Some(try_table.ty),
                _ => None,
            };
            if let Some(kind) = block {
                let is_loop = matches!(operator, Operator::Loop { .. });
                open.push(is_loop);
                loops += u64::from(is_loop);
                depth += u64::from(is_loop);
                deepest = deepest.max(depth);
                if let BlockType::FuncType(index) = kind {
                    let (parameters, results) = kind_of(index).unwrap_or_default();
                    carried = carried.max(parameters).max(results);
                }
            }
            branches += match operator {
                Operator::End => {
                    depth -= u64::from(open.pop() == Some(true));
                    0
                }
                Operator::BrTable { targets } => u64::from(targets.len()) + 1,
                Operator::TryTable { try_table } => try_table.catches.len() as u64 + 1,
                Operator::Else
                | Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::BrOnNull { .. }
                | Operator::BrOnNonNull { .. }
                | Operator::BrOnCast { .. }
                | Operator::BrOnCastFail { .. } => 1,
                _ => u64::from(block.is_some()),
            };
        }
        frame.bodies += 1;
        let joins = branches.saturating_mul(locals.saturating_add(carried).saturating_add(loops));
        self.code_bytes += bytes;
        self.largest_function_bytes = self.largest_function_bytes.max(bytes);
        self.locals = self.locals.saturating_add(locals);
        self.most_locals = self.most_locals.max(locals);
        self.joins = self.joins.saturating_add(joins);
        self.most_joins = self.most_joins.max(joins);
        self.deepest_loop = self.deepest_loop.max(deepest);
        Ok(())
    }
}

impl Frame {
    fn add(&mut self, kind: ComponentExternalKind, given: bool) {
        match kind {
            ComponentExternalKind::Func => self.given_functions.push(given),
            ComponentExternalKind::Instance => self.given_instances.push(given),
            _ => {}
        }
    }
}

fn length(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn is_given(given: &[bool], index: u32) -> bool {
    usize::try_from(index).ok().and_then(|index| given.get(index)).copied().unwrap_or_default()
}

/// Members of a component's type: what it declares inside.
fn members(kind: &wasmparser::ComponentType<'_>) -> u64 {
    use wasmparser::{ComponentDefinedType as Defined, ComponentType};
    let count = match kind {
        ComponentType::Defined(Defined::Record(fields)) => fields.len(),
        ComponentType::Defined(Defined::Variant(cases)) => cases.len(),
        ComponentType::Defined(Defined::Tuple(types)) => types.len(),
        ComponentType::Defined(Defined::Flags(names) | Defined::Enum(names)) => names.len(),
        ComponentType::Func(function) => function.params.len(),
        ComponentType::Component(declared) => declared.len(),
        ComponentType::Instance(declared) => declared.len(),
        _ => 0,
    };
    count as u64
}
