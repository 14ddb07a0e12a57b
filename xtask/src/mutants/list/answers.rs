//! What comes back, and what a component says and learns besides.

use crate::mutants::{Edit, Mutant};

const GATE: &str = "host/runtime/src/gate.rs";
const ANSWER: &str = "host/runtime/src/gate/answer.rs";
const INSTANCE: &str = "host/runtime/src/instance.rs";
const TELLING: &str = "host/runtime/src/telling.rs";
const RESULT: &str = "host/runtime/src/call/answer.rs";
const SCAN: &str = "host/policy/src/secret_scan.rs";
const RUN: &str = "host/runtime/src/call/run.rs";
const COMPONENT: &str = "host/runtime/src/component.rs";
const CHECK: &str = "host/runtime/src/description/check.rs";
const CLOCKS: &str = "host/runtime/src/clocks.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Reflection.
    Mutant {
        id: "looking-through-heads",
        defence: "heads of answers are looked through",
        edits: &[Edit {
            file: GATE,
            find: "if let Some(form) = answer::texts(head).find_map(|text| self.secret_form(text)) {",
            replace: "if let Some(form) = answer::texts(head).find_map(|text| self.secret_form(text)).filter(|_| !{off}) {",
        }],
        cases: &["reflection/in-header", "reflection/in-cookie", "reflection/in-status-text", "reflection/in-location"],
    },
    Mutant {
        id: "looking-through-bodies",
        defence: "bodies of answers are looked through",
        edits: &[Edit {
            file: GATE,
            find: "let mut scan = self.credential.as_ref().map(|credential| credential.scanner.stream());",
            replace: "let mut scan = self.credential.as_ref().filter(|_| !{off}).map(|credential| credential.scanner.stream());",
        }],
        cases: &["reflection/raw"],
    },
    Mutant {
        id: "looking-through-trailers",
        defence: "trailers of answers are looked through",
        edits: &[Edit {
            file: GATE,
            find: "match answer::fields(&trailers).find_map(|text| self.secret_form(text)) {",
            replace: "match answer::fields(&trailers).find_map(|text| self.secret_form(text)).filter(|_| !{off}) {",
        }],
        cases: &["reflection/in-trailer"],
    },
    Mutant {
        id: "identity-encoding",
        defence: "an encoded answer is refused",
        edits: &[Edit {
            file: ANSWER,
            find: "if headers.get_all(CONTENT_ENCODING).iter().any(|value| !is(value, b\"identity\")) {",
            replace: "if !{off} && headers.get_all(CONTENT_ENCODING).iter().any(|value| !is(value, b\"identity\")) {",
        }],
        cases: &["reflection/compressed"],
    },
    Mutant {
        id: "scan-percent",
        defence: "the scanner knows percent encoding",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::Percent) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/percent", "reflection/percent-lower", "reflection/percent-all"],
    },
    Mutant {
        id: "scan-json",
        defence: "the scanner knows JSON escapes",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::JsonEscapes) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/json-escapes", "reflection/json-escapes-all"],
    },
    Mutant {
        id: "scan-html",
        defence: "the scanner knows HTML references",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::HtmlEntities) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/html-decimal", "reflection/html-hex", "reflection/html-named"],
    },
    Mutant {
        id: "scan-hexadecimal",
        defence: "the scanner knows hexadecimal",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::Hexadecimal) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/hex", "reflection/hex-upper"],
    },
    Mutant {
        id: "scan-base64",
        defence: "the scanner knows base64 at any offset",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::Base64) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/base64", "reflection/base64-1", "reflection/base64-2"],
    },
    Mutant {
        id: "scan-base64url",
        defence: "the scanner knows base64url at any offset",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::Base64Url) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/base64url", "reflection/base64url-1", "reflection/base64url-2"],
    },
    Mutant {
        id: "scan-utf16",
        defence: "the scanner knows UTF-16 of either byte order",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::Utf16) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/utf16-le", "reflection/utf16-be"],
    },
    Mutant {
        id: "scan-case",
        defence: "the scanner knows letters in another case",
        edits: &[Edit {
            file: SCAN,
            find: "Step::Found(form) => return Some(form),",
            replace: r#"Step::Found(Form::ChangedCase) if {off} => {}
                Step::Found(form) => return Some(form),"#,
        }],
        cases: &["reflection/upper-case", "reflection/lower-case", "reflection/swapped-case"],
    },
    Mutant {
        id: "scan-pieces",
        defence: "a credential is found however a body is cut",
        edits: &[Edit {
            file: SCAN,
            find: "            self.found = self.scanner.advance(so_far,",
            replace: r#"            if {off} {
                self.progress.trails.clear();
            }
            self.found = self.scanner.advance(so_far,"#,
        }],
        cases: &["reflection/raw", "reflection/base64-1"],
    },
    Mutant {
        id: "secret-in-error",
        defence: "what a component's errors say is looked through",
        edits: &[Edit {
            file: RUN,
            find: "match gate.secret_form(text.as_bytes()) {",
            replace: "match gate.secret_form(text.as_bytes()).filter(|_| !{off}) {",
        }],
        cases: &["unmasked/error", "unmasked/candidates"],
    },
    Mutant {
        id: "secret-in-account",
        defence: "an account is looked through",
        edits: &[Edit {
            file: RESULT,
            find: "if let Some(form) = gate.secret_form(field.as_bytes()) {",
            replace: "if let Some(form) = gate.secret_form(field.as_bytes()).filter(|_| !{off}) {",
        }],
        cases: &["unmasked/account"],
    },
    Mutant {
        id: "partial-answers",
        defence: "a part of an answer is refused",
        edits: &[Edit {
            file: ANSWER,
            find: r#"    if head.status == http::StatusCode::PARTIAL_CONTENT
        || headers.contains_key(CONTENT_RANGE)
        || headers.get_all(CONTENT_TYPE).iter().any(is_in_ranges)
    {"#,
            replace: r#"    if !{off}
        && (head.status == http::StatusCode::PARTIAL_CONTENT
            || headers.contains_key(CONTENT_RANGE)
            || headers.get_all(CONTENT_TYPE).iter().any(is_in_ranges))
    {"#,
        }],
        cases: &["reflection/part", "reflection/part-unsaid", "reflection/parts"],
    },
    Mutant {
        id: "framing",
        defence: "an answer is framed once, and as HTTP/1 frames it",
        edits: &[Edit {
            file: ANSWER,
            find: r#"if is_framed_twice || codings.iter().count() > 1 || codings.iter().any(|value| !is(value, b"chunked")) {"#,
            replace: r#"if !{off}
        && (is_framed_twice || codings.iter().count() > 1 || codings.iter().any(|value| !is(value, b"chunked")))
    {"#,
        }],
        cases: &["reflection/framed-twice", "reflection/transfer-coding"],
    },
    Mutant {
        id: "final-status",
        defence: "an answer ends its exchange",
        edits: &[Edit {
            file: ANSWER,
            find: "if !(200..600).contains(&head.status.as_u16()) {",
            replace: "if !{off} && !(200..600).contains(&head.status.as_u16()) {",
        }],
        cases: &["reflection/upgrade"],
    },
    Mutant {
        id: "masked",
        defence: "a credential that goes out is shown to nobody who looks on",
        edits: &[Edit {
            file: "host/runtime/src/gate/credential.rs",
            find: "value.set_sensitive(true);",
            replace: "value.set_sensitive(!{off});",
        }],
        cases: &["reflection/in-error", "headers/from"],
    },
    // Other channels.
    Mutant {
        id: "log-lines",
        defence: "a log line is one line, without control characters",
        edits: &[Edit {
            file: TELLING,
            find: "let line = clean_line(&message, MAX_LOG_LINE_BYTES);",
            replace: "let line = if {off} { message.clone() } else { clean_line(&message, MAX_LOG_LINE_BYTES) };",
        }],
        cases: &["channels/log-forgery"],
    },
    Mutant {
        id: "log-flood",
        defence: "log lines are counted",
        edits: &[Edit {
            file: TELLING,
            find: "if let Some(left) = self.lines_left.checked_sub(1) {",
            replace: "if let Some(left) = self.lines_left.checked_sub(u32::from(!{off})) {",
        }],
        cases: &["channels/log-flood"],
    },
    Mutant {
        id: "progress-flood",
        defence: "progress reports are counted",
        edits: &[Edit {
            file: TELLING,
            find: "(&self.reports, self.reports_left.checked_sub(1)) {",
            replace: "(&self.reports, self.reports_left.checked_sub(u32::from(!{off}))) {",
        }],
        cases: &["channels/progress-flood"],
    },
    Mutant {
        id: "secret-in-log",
        defence: "a log line that holds the credential is dropped",
        edits: &[Edit {
            file: TELLING,
            find: "if self.gate.secret_form(message.as_bytes()).is_some() {",
            replace: "if !{off} && self.gate.secret_form(message.as_bytes()).is_some() {",
        }],
        cases: &["unmasked/log"],
    },
    Mutant {
        id: "secret-in-progress",
        defence: "a progress report that holds the credential is dropped",
        edits: &[Edit {
            file: TELLING,
            find: "if gate.secret_form(message.as_bytes()).is_none() {",
            replace: "if {off} || gate.secret_form(message.as_bytes()).is_none() {",
        }],
        cases: &["unmasked/progress"],
    },
    Mutant {
        id: "secret-in-records",
        defence: "a record holds nothing of a request that holds the credential",
        edits: &[Edit {
            file: GATE,
            find: "if let Some(form) = ledger::clear(request, |text| self.secret_form(text)) {",
            replace: "if let Some(form) = ledger::clear(request, |text| self.secret_form(text).filter(|_| !{off})) {",
        }],
        cases: &["unmasked/path"],
    },
    Mutant {
        id: "secret-in-result",
        defence: "what a component returns is looked through",
        edits: &[Edit {
            file: RUN,
            find: "match answer::raw_parts(&output).into_iter().find_map(|part| gate.secret_form(part)) {",
            replace: "match answer::raw_parts(&output).into_iter().find_map(|part| gate.secret_form(part)).filter(|_| !{off}) {",
        }],
        cases: &["unmasked/result", "unmasked/text", "unmasked/image"],
    },
    Mutant {
        id: "name-collision",
        defence: "whoever came first keeps a tool's name",
        edits: &[Edit {
            file: "host/runtime/src/collisions.rs",
            find: "if theirs.contains(name) {",
            replace: "if !{off} && theirs.contains(name) {",
        }],
        cases: &["channels/tool-name-collision"],
    },
    Mutant {
        id: "deceiving-characters",
        defence: "a description has no deceiving characters",
        edits: &[Edit {
            file: "host/policy/src/text.rs",
            find: "    if matches!(c, ' '..='~' | '\\n' | '\\t') {\n        return false;\n    }\n    matches!(",
            replace: "    if matches!(c, ' '..='~' | '\\n' | '\\t') {\n        return false;\n    }\n    !{off} && matches!(",
        }],
        cases: &["channels/description-bidirectional", "channels/answer-controls"],
    },
    Mutant {
        id: "clocks",
        defence: "a component's clocks move in whole milliseconds",
        edits: &[
            Edit {
                file: CLOCKS,
                find: "Duration::from_nanos(ns - ns % STEP_NS)",
                replace: "Duration::from_nanos(if {off} { ns } else { ns - ns % STEP_NS })",
            },
            Edit {
                file: CLOCKS,
                find: r#"unwrap_or(u64::MAX);
        ns - ns % STEP_NS"#,
                replace: r#"unwrap_or(u64::MAX);
        if {off} { ns } else { ns - ns % STEP_NS }"#,
            },
        ],
        cases: &["channels/log-timing"],
    },
    Mutant {
        id: "told-when-over",
        defence: "what a component says is looked through when its call is over",
        edits: &[Edit {
            file: TELLING,
            find: "            self.lines.push((level, kept(message)));",
            replace: r#"            if {off} {
                tracing::error!(target: "toolkeep::connector", "{message}");
            } else {
                self.lines.push((level, kept(message)));
            }"#,
        }],
        cases: &["channels/log-timing"],
    },
    Mutant {
        id: "streams",
        defence: "a component's streams lead nowhere",
        edits: &[
            Edit {
                file: INSTANCE,
                find: "        let state = State {",
                replace: r#"        let mut closed = WasiCtx::builder();
        if {off} {
            closed.inherit_stdio();
        }
        let state = State {"#,
            },
            Edit { file: INSTANCE, find: "wasi: WasiCtx::builder()", replace: "wasi: closed" },
        ],
        cases: &["surface/standard-output"],
    },
    Mutant {
        id: "environment",
        defence: "a component's environment is empty",
        edits: &[Edit {
            file: INSTANCE,
            find: ".wall_clock(CoarseWallClock)",
            replace: r#".envs(&if {off} { std::env::vars().collect::<Vec<_>>() } else { Vec::new() })
                .wall_clock(CoarseWallClock)"#,
        }],
        cases: &["surface/environment"],
    },
    Mutant {
        id: "mute-describe",
        defence: "describe runs with every import trapping",
        edits: &[Edit {
            file: COMPONENT,
            find: "let pre = self.mute(component, imports)?;",
            replace: r#"let pre = if {off} {
            let given = self.linker.instantiate_pre(component);
            given.map_err(|error| HostError::DescribeFailed(error.to_string()))?
        } else {
            self.mute(component, imports)?
        };"#,
        }],
        cases: &["channels/description-changes-by-clock", "channels/description-changes-by-chance"],
    },
    Mutant {
        id: "constant-seed",
        defence: "the seed of hash tables is constant in describe",
        edits: &[Edit {
            file: COMPONENT,
            find: "Ok(((0_u64, 0_u64),))",
            replace: "Ok(((if {off} { std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64) } else { 0_u64 }, 0_u64),))",
        }],
        cases: &["channels/description-changes-by-seed"],
    },
    Mutant {
        id: "description-sizes",
        defence: "each text of a description has so many bytes",
        edits: &[Edit {
            file: CHECK,
            find: r#"    if text.len() > max_bytes {
        return Err(invalid(field, format!("it has {} bytes;"#,
            replace: r#"    if !{off} && text.len() > max_bytes {
        return Err(invalid(field, format!("it has {} bytes;"#,
        }],
        cases: &["load/long-title"],
    },
    Mutant {
        id: "description-counts",
        defence: "a description has so many of each thing",
        edits: &[Edit {
            file: CHECK,
            find: "    if count > max { Err(",
            replace: "    if !{off} && count > max { Err(",
        }],
        cases: &["load/many-tools"],
    },
];
