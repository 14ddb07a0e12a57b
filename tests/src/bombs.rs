//! Components that are made to cost a compiler as much as they can: each spends one measure of
//! `host/runtime/src/bounds.rs`, up to a size that the caller chooses. None of them is a connector, so that each is
//! refused after it was compiled, if it was not before.

use std::fmt::Write as _;

use anyhow::Result;

/// Most modules of one component.
const MODULES: usize = 30;

/// One of them.
pub struct Bomb {
    /// What it spends.
    pub name: String,
    /// The component.
    pub wasm: Vec<u8>,
}

/// A component of `functions` times the same function, beside `before`. A few are a module each, which is encoded
/// once; many share one.
fn of_functions(name: String, before: &str, function: &str, functions: usize) -> Result<Bomb> {
    let (modules, each) = if functions <= MODULES { (functions, 1) } else { (1, functions) };
    let module = wat::parse_str(format!("(module {before} {})", repeat(function, each)))?;
    of_modules(name, &module, modules)
}

/// A component of `modules` times the same module.
fn of_modules(name: String, module: &[u8], modules: usize) -> Result<Bomb> {
    // The preamble of a component; then sections of kind 1, a core module, with their length as LEB128.
    let mut wasm = vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    for _ in 0..modules {
        wasm.push(1);
        let mut length = module.len();
        while length >= 0x80 {
            wasm.push(u8::try_from(length & 0x7f)? | 0x80);
            length >>= 7;
        }
        wasm.push(u8::try_from(length)?);
        wasm.extend_from_slice(module);
    }
    Ok(Bomb { name, wasm })
}

fn component(name: String, module: &str) -> Result<Bomb> {
    of_modules(name, &wat::parse_str(format!("(module {module})"))?, 1)
}

fn repeat(text: &str, times: usize) -> String {
    text.repeat(times)
}

/// `functions` of `nests` nests, one after the other, of `depth` loops inside each other, which change all of `locals`
/// variables: every variable is carried from every block to the next.
///
/// # Errors
/// None that is expected: the text is well-formed.
pub fn joins(functions: usize, locals: usize, depth: usize, nests: usize) -> Result<Bomb> {
    let mut nest = repeat(" loop", depth);
    for local in 1..=locals {
        write!(nest, " (local.set {local} (i32.add (local.get {local}) (local.get 0)))")?;
    }
    nest.push_str(&repeat(" (br_if 0 (local.get 0)) end", depth));
    let body = format!("(param i32) (local{}) {}", repeat(" i32", locals), repeat(&nest, nests));
    let name = format!("{functions} × {locals} variables through {nests} × {depth} loops");
    of_functions(name, "", &format!("(func {body})"), functions)
}

/// `functions` that branch `branches` times out of one block, with `values` values each.
///
/// # Errors
/// As [`joins`].
pub fn block_values(functions: usize, values: usize, branches: usize) -> Result<Bomb> {
    let kinds = repeat(" i32", values);
    let body = format!(
        "(param i32) loop (result{kinds}) {} {} end {}",
        repeat("local.get 0 ", values),
        repeat("(br_if 1 (local.get 0)) ", branches),
        repeat("drop ", values)
    );
    // The branches leave the block around the loop, with all the values.
    let body = body.replacen("loop", &format!("block (result{kinds}) loop"), 1).replacen(" end", " end end", 1);
    let name = format!("{functions} × {branches} branches with {values} values");
    of_functions(name, "", &format!("(func {body})"), functions)
}

/// `functions` of `targets` targets of one table of branches.
///
/// # Errors
/// As [`joins`].
pub fn branch_tables(functions: usize, targets: usize, blocks: usize) -> Result<Bomb> {
    let mut body = String::from("(param i32) ");
    body.push_str(&repeat("block ", blocks));
    body.push_str("(br_table");
    for target in 0..targets {
        write!(body, " {}", target % blocks)?;
    }
    body.push_str(" (local.get 0)) ");
    body.push_str(&repeat("end ", blocks));
    let name = format!("{functions} × a table of {targets} branches");
    of_functions(name, "", &format!("(func {body})"), functions)
}

/// `functions` that do nothing, each of which can be called from outside.
///
/// # Errors
/// As [`joins`].
pub fn empty_functions(functions: usize) -> Result<Bomb> {
    let mut module = repeat("(func)", functions);
    module.push_str("(elem declare func");
    for function in 0..functions {
        write!(module, " {function}")?;
    }
    module.push(')');
    component(format!("{functions} empty functions"), &module)
}

/// `functions` with `locals` variables that nobody uses.
///
/// # Errors
/// As [`joins`].
pub fn idle_locals(functions: usize, locals: usize) -> Result<Bomb> {
    let function = format!("(func (local{}))", repeat(" i64", locals));
    of_functions(format!("{functions} × {locals} idle variables"), "", &function, functions)
}

/// `functions` of `times` times `step`, in a straight line, over a memory and two variables.
///
/// # Errors
/// As [`joins`].
pub fn straight(what: &str, functions: usize, times: usize, step: &str) -> Result<Bomb> {
    let function = format!("(func (param i32 i64 v128 f64) (result i32) {} local.get 0)", repeat(step, times));
    of_functions(format!("{functions} × {times} × {what}"), "(memory 1)", &function, functions)
}

/// `functions` that load `values` values before they use the first.
///
/// # Errors
/// As [`joins`].
pub fn live_values(functions: usize, values: usize) -> Result<Bomb> {
    let function = format!(
        "(func (param i32) (result i32) {} {})",
        repeat("(i32.load (local.get 0)) ", values),
        repeat("i32.xor ", values.saturating_sub(1))
    );
    of_functions(format!("{functions} × {values} values at once"), "(memory 1)", &function, functions)
}

/// `calls` calls of a function with `parameters` parameters, in one function.
///
/// # Errors
/// As [`joins`].
pub fn calls(functions: usize, parameters: usize, calls: usize) -> Result<Bomb> {
    let callee = format!("(func (param{}))", repeat(" i64", parameters));
    let caller =
        format!("(func (param i64) {})", repeat(&format!("{} call 0 ", repeat("local.get 0 ", parameters)), calls));
    let name = format!("{functions} × {calls} calls with {parameters} parameters");
    of_functions(name, &callee, &caller, functions)
}

/// `segments` data segments, far from each other.
///
/// # Errors
/// As [`joins`].
pub fn data_segments(segments: usize) -> Result<Bomb> {
    let mut module = String::from("(memory 1024)");
    for segment in 0..segments {
        write!(module, "(data (i32.const {}) \"x\")", segment * 641)?;
    }
    component(format!("{segments} data segments"), &module)
}

/// `exports` exports of one function.
///
/// # Errors
/// As [`joins`].
pub fn exports(exports: usize) -> Result<Bomb> {
    let mut module = String::from("(func)");
    for export in 0..exports {
        write!(module, "(export \"e{export}\" (func 0))")?;
    }
    component(format!("{exports} exports"), &module)
}

/// `functions` imported functions that take a type of 2^`doublings` parts, made into core functions.
///
/// # Errors
/// As [`joins`].
pub fn large_types(functions: usize, doublings: usize) -> Result<Bomb> {
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for level in 1..=doublings {
        write!(text, "(type $t{level} (tuple $t{0} $t{0}))", level - 1)?;
    }
    text.push_str("(core module $m (memory (export \"m\") 1) (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable))");
    text.push_str("(core instance $i (instantiate $m))");
    for function in 0..functions {
        write!(text, "(import \"f{function}\" (func $f{function} (param \"a\" $t{doublings})))")?;
        write!(
            text,
            "(core func (canon lower (func $f{function}) (memory (core memory $i \"m\")) (realloc (core func $i \"r\"))))"
        )?;
    }
    text.push(')');
    Ok(Bomb { name: format!("{functions} imports of a type of 2^{doublings} parts"), wasm: wat::parse_str(text)? })
}

/// A component that lifts a function and lowers it again, `functions` times: it calls itself through adapters, whose
/// size is the type's.
///
/// # Errors
/// As [`joins`].
pub fn adapters(functions: usize, doublings: usize) -> Result<Bomb> {
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for level in 1..=doublings {
        write!(text, "(type $t{level} (tuple $t{0} $t{0}))", level - 1)?;
    }
    text.push_str(
        "(core module $m (memory (export \"m\") 1) (func (export \"f\") (param i32))
            (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable))
         (core instance $i (instantiate $m))",
    );
    for function in 0..functions {
        write!(
            text,
            "(func $f{function} (param \"a\" $t{doublings}) (canon lift (core func $i \"f\") (memory (core memory $i \"m\")) (realloc (core func $i \"r\"))))
             (core func (canon lower (func $f{function}) (memory (core memory $i \"m\")) (realloc (core func $i \"r\"))))"
        )?;
    }
    text.push(')');
    Ok(Bomb { name: format!("{functions} adapters of a type of 2^{doublings} parts"), wasm: wat::parse_str(text)? })
}
