//! What one call, one caller and one upstream may use.

use crate::mutants::{Edit, Mutant};

const GATE: &str = "host/runtime/src/gate.rs";
const ANSWER: &str = "host/runtime/src/gate/answer.rs";
const LEDGER: &str = "host/runtime/src/gate/ledger.rs";
const INSTANCE: &str = "host/runtime/src/instance.rs";
const RESULT: &str = "host/runtime/src/call/answer.rs";
const UPSTREAM: &str = "host/runtime/src/upstream.rs";
const ENGINE: &str = "host/runtime/src/engine.rs";
const RUN: &str = "host/runtime/src/call/run.rs";
const PLACES: &str = "host/runtime/src/places.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    // Resources.
    Mutant {
        id: "processor-time",
        defence: "a loop is interrupted",
        edits: &[Edit {
            file: INSTANCE,
            find: "state.ticks_left = state.ticks_left.saturating_sub(1);",
            replace: "state.ticks_left = state.ticks_left.saturating_sub(u64::from(!{off}));",
        }],
        cases: &["resources/loop"],
    },
    Mutant {
        id: "memory",
        defence: "memory is bounded",
        edits: &[Edit {
            file: INSTANCE,
            find: "let fits = desired <= self.memory_bytes;",
            replace: "let fits = {off} || desired <= self.memory_bytes;",
        }],
        cases: &["resources/memory"],
    },
    Mutant {
        id: "wall-clock",
        defence: "a call ends, whatever it waits for",
        edits: &[Edit {
            file: INSTANCE,
            find: "tokio::time::timeout(limits.wall_clock(), in_flight.drive(noted)).await",
            replace: "tokio::time::timeout(if {off} { Duration::from_secs(3_600) } else { limits.wall_clock() }, in_flight.drive(noted)).await",
        }],
        cases: &["resources/sleep"],
    },
    Mutant {
        id: "result-size",
        defence: "what a tool answers is bounded",
        edits: &[Edit {
            file: RESULT,
            find: "        if bytes > limit {",
            replace: "        if !{off} && bytes > limit {",
        }],
        cases: &["resources/result-text", "resources/result-image"],
    },
    Mutant {
        id: "requests",
        defence: "the requests of a call are counted",
        edits: &[Edit {
            file: LEDGER,
            find: "if self.counted >= limit {",
            replace: "if !{off} && self.counted >= limit {",
        }],
        cases: &["resources/requests"],
    },
    Mutant {
        id: "request-body",
        defence: "a request's body is bounded",
        edits: &[Edit {
            file: GATE,
            find: "Ok(data) if bytes.len() + data.len() > limit => {",
            replace: "Ok(data) if !{off} && bytes.len() + data.len() > limit => {",
        }],
        cases: &["resources/request-body"],
    },
    Mutant {
        id: "exchange-time",
        defence: "one clock bounds an exchange",
        edits: &[Edit {
            file: GATE,
            find: "let limit = Duration::from_millis(self.limits.upstream_ms);",
            replace: "let limit = Duration::from_millis(if {off} { 3_600_000 } else { self.limits.upstream_ms });",
        }],
        cases: &["resources/answer-drips", "resources/answer-stalls", "resources/answer-never"],
    },
    Mutant {
        id: "answer-size",
        defence: "an answer is bounded",
        edits: &[Edit {
            file: GATE,
            find: "if received.as_ref().len() + data.len() > limit {",
            replace: "if !{off} && received.as_ref().len() + data.len() > limit {",
        }],
        cases: &["resources/answer-without-end", "resources/answer-without-length"],
    },
    Mutant {
        id: "rate",
        defence: "a principal's calls are counted",
        edits: &[Edit {
            file: PLACES,
            find: "let Some(rate) = &self.rate else { return Ok(()) };",
            replace: "let Some(rate) = self.rate.as_ref().filter(|_| !{off}) else { return Ok(()) };",
        }],
        cases: &["resources/rate"],
    },
    Mutant {
        id: "handles",
        defence: "a call holds so many handles",
        edits: &[Edit {
            file: INSTANCE,
            find: "table.set_max_capacity(limits.handles);",
            replace: "table.set_max_capacity(if {off} { usize::MAX } else { limits.handles });",
        }],
        cases: &["resources/handles-few"],
    },
    Mutant {
        id: "tables",
        defence: "a table has so many elements",
        edits: &[
            Edit {
                file: INSTANCE,
                find: "let fits = desired <= self.table_elements;",
                replace: "let fits = {off} || desired <= self.table_elements;",
            },
            Edit {
                file: ENGINE,
                find: ".table_elements(limits.table_elements)",
                replace: ".table_elements(if {off} { 20_000_000 } else { limits.table_elements })",
            },
        ],
        cases: &["resources/table-at-start", "resources/table-declared"],
    },
    Mutant {
        id: "many-tables",
        defence: "a component has so many tables",
        edits: &[
            Edit {
                file: ENGINE,
                find: ".max_tables_per_component(limits.tables)",
                replace: ".max_tables_per_component(if {off} { 100 } else { limits.tables })",
            },
            Edit {
                file: ENGINE,
                find: ".total_tables(instances.saturating_mul(limits.tables))",
                replace: ".total_tables(instances.saturating_mul(if {off} { 100 } else { limits.tables }))",
            },
        ],
        cases: &["resources/tables"],
    },
    Mutant {
        id: "instances",
        defence: "a component has so many instances",
        edits: &[
            Edit {
                file: INSTANCE,
                find: "instances: limits.core_instances,",
                replace: "instances: if {off} { 10_000 } else { limits.core_instances },",
            },
            Edit {
                file: ENGINE,
                find: "let core_instances = u32::try_from(limits.core_instances).unwrap_or(u32::MAX);",
                replace: r#"let core_instances = u32::try_from(limits.core_instances).unwrap_or(u32::MAX);
    let core_instances = if {off} { 1_000 } else { core_instances };"#,
            },
        ],
        cases: &["resources/instances"],
    },
    Mutant {
        id: "memories",
        defence: "a component has one memory",
        edits: &[
            Edit {
                file: ENGINE,
                find: ".max_memories_per_component(1)",
                replace: ".max_memories_per_component(if {off} { 64 } else { 1 })",
            },
            Edit {
                file: ENGINE,
                find: ".total_memories(instances)",
                replace: ".total_memories(if {off} { 64 } else { instances })",
            },
        ],
        cases: &["resources/memories"],
    },
    Mutant {
        id: "memory-declared",
        defence: "a component begins with so much memory at most",
        edits: &[
            Edit {
                file: ENGINE,
                find: ".max_memory_size(limits.memory_bytes)",
                replace: ".max_memory_size(if {off} { 4 << 30 } else { limits.memory_bytes })",
            },
            Edit {
                file: INSTANCE,
                find: "desired <= self.memory_bytes;",
                replace: "{off} || desired <= self.memory_bytes;",
            },
        ],
        cases: &["resources/memory-declared"],
    },
    Mutant {
        id: "stack",
        defence: "a component has so much stack",
        edits: &[Edit {
            file: ENGINE,
            find: r#".max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes.saturating_add(HOST_STACK_BYTES))"#,
            replace: r#".max_wasm_stack(if {off} { 128 << 20 } else { limits.stack_bytes })
        .async_stack_size(if {off} { 128 << 20 } else { limits.stack_bytes }.saturating_add(HOST_STACK_BYTES))"#,
        }],
        cases: &["resources/recursion-counted"],
    },
    Mutant {
        id: "crossing",
        defence: "what crosses to the host at once is bounded",
        edits: &[Edit {
            file: INSTANCE,
            find: "store.set_hostcall_fuel(limits.crossing_bytes);",
            replace: "store.set_hostcall_fuel(if {off} { 1 << 30 } else { limits.crossing_bytes });",
        }],
        cases: &["resources/crossing-log", "resources/crossing-progress", "resources/crossing-url"],
    },
    Mutant {
        id: "field-list",
        defence: "a list of headers has so many bytes",
        edits: &[Edit {
            file: INSTANCE,
            find: "http.set_field_size_limit(limits.request_header_bytes);",
            replace: "http.set_field_size_limit(if {off} { 1 << 30 } else { limits.request_header_bytes });",
        }],
        cases: &["resources/header-fields"],
    },
    Mutant {
        id: "unsent",
        defence: "a method and an authority are bounded where they are written",
        edits: &[Edit {
            file: ENGINE,
            find: "    crate::unsent::bound(l)?;",
            replace: r#"    if !{off} {
        crate::unsent::bound(l)?;
    }"#,
        }],
        cases: &["resources/long-methods"],
    },
    Mutant {
        id: "body-chunk",
        defence: "a body that nobody reads takes a few writes",
        edits: &[Edit {
            file: "host/runtime/src/gate/outgoing_handler.rs",
            find: r#"        self.gate.limits.request_buffer_bytes
"#,
            replace: r#"        if {off} { 256 << 10 } else { self.gate.limits.request_buffer_bytes }
"#,
        }],
        cases: &["resources/unfinished-bodies", "resources/dropped-bodies"],
    },
    Mutant {
        id: "random",
        defence: "so many random bytes are given at once",
        edits: &[Edit {
            file: "host/runtime/src/random.rs",
            find: "if length > most {",
            replace: "if !{off} && length > most {",
        }],
        cases: &["resources/random-much"],
    },
    Mutant {
        id: "result-parts",
        defence: "an answer has so many parts",
        edits: &[Edit {
            file: RESULT,
            find: "if output.content.len() > MAX_PARTS {",
            replace: "if !{off} && output.content.len() > MAX_PARTS {",
        }],
        cases: &["resources/result-parts"],
    },
    Mutant {
        id: "result-depth",
        defence: "an answer is nested so deep",
        edits: &[Edit {
            file: RESULT,
            find: "brackets > MAX_DEPTH && depth(json) > MAX_DEPTH",
            replace: "!{off} && brackets > MAX_DEPTH && depth(json) > MAX_DEPTH",
        }],
        cases: &["resources/result-nested"],
    },
    Mutant {
        id: "error-text",
        defence: "an error's text is cut",
        edits: &[Edit {
            file: RESULT,
            find: "let text = |text: String| clean(&text, MAX_ERROR_BYTES);",
            replace: "let text = |text: String| clean(&text, if {off} { usize::MAX } else { MAX_ERROR_BYTES });",
        }],
        cases: &["resources/error-text"],
    },
    Mutant {
        id: "arguments",
        defence: "a call's arguments are bounded",
        edits: &[Edit {
            file: "host/runtime/src/call/arguments.rs",
            find: "if text.len() > limit {",
            replace: "if !{off} && text.len() > limit {",
        }],
        cases: &["tenancy/foreign-arguments"],
    },
    Mutant {
        id: "requests-at-once",
        defence: "a few requests of a call are under way at once",
        edits: &[Edit {
            file: GATE,
            find: "turns: Semaphore::new(limits.upstream_requests_at_once as usize),",
            replace: "turns: Semaphore::new(if {off} { 1_000 } else { limits.upstream_requests_at_once as usize }),",
        }],
        cases: &["resources/requests-in-flight", "resources/bodiless-in-flight"],
    },
    Mutant {
        id: "answers-together",
        defence: "the answers of a call are bounded together",
        edits: &[Edit {
            file: GATE,
            find: "if before + data.len() > all {",
            replace: "if !{off} && before + data.len() > all {",
        }],
        cases: &["resources/answers-together"],
    },
    Mutant {
        id: "answer-head-section",
        defence: "the header section of an answer is bounded, however much is read at once",
        edits: &[Edit {
            file: ANSWER,
            find: "if section_bytes(headers) > most_bytes {",
            replace: "if !{off} && section_bytes(headers) > most_bytes {",
        }],
        cases: &["resources/answer-large-head"],
    },
    Mutant {
        id: "answer-head",
        defence: "the head of an answer is bounded",
        edits: &[
            Edit {
                file: ANSWER,
                // Behind the switch of the one before.
                find: "&& section_bytes(headers) > most_bytes {",
                replace: "&& !{off} && section_bytes(headers) > most_bytes {",
            },
            Edit {
                file: UPSTREAM,
                find: ".http1_max_buf_size(self.response_header_bytes.max(READ_BYTES))",
                replace: ".http1_max_buf_size(if {off} { 64 << 20 } else { self.response_header_bytes.max(READ_BYTES) })",
            },
        ],
        cases: &["resources/answer-long-header"],
    },
    Mutant {
        id: "answer-fields",
        defence: "an answer has so many header fields",
        edits: &[
            Edit { file: ANSWER, find: "if headers.len() > most {", replace: "if !{off} && headers.len() > most {" },
            Edit {
                file: UPSTREAM,
                find: "        if self.header_fields > FIELDS_BY_DEFAULT {",
                replace: r#"        if {off} {
            client.http1_max_headers(10_000);
        } else if self.header_fields > FIELDS_BY_DEFAULT {"#,
            },
        ],
        cases: &["resources/answer-some-headers"],
    },
    Mutant {
        id: "connect-time",
        defence: "an upstream accepts a connection in so much time",
        edits: &[Edit {
            file: UPSTREAM,
            find: "http.set_connect_timeout(Some(self.connect));",
            replace: "http.set_connect_timeout(Some(self.connect).filter(|_| !{off}));",
        }],
        cases: &["resources/connect-never"],
    },
    Mutant {
        id: "burst",
        defence: "a principal's burst of calls is bounded",
        edits: &[Edit {
            file: PLACES,
            find: "NonZeroU32::new(limits.calls_burst_per_principal)",
            replace: "NonZeroU32::new(if {off} { 1_000_000 } else { limits.calls_burst_per_principal })",
        }],
        cases: &["resources/rate"],
    },
    Mutant {
        id: "refusals-recorded",
        defence: "refusals of one principal do not fill the log",
        edits: &[Edit {
            file: PLACES,
            find: "if now.saturating_duration_since(known.recorded) < Duration::from_secs(REFUSALS_RECORDED_S) {",
            replace: "if !{off} && now.saturating_duration_since(known.recorded) < Duration::from_secs(REFUSALS_RECORDED_S) {",
        }],
        cases: &["resources/rate-log"],
    },
    Mutant {
        id: "places",
        defence: "so many calls run at once",
        edits: &[Edit {
            file: PLACES,
            find: "all: Arc::new(Semaphore::new(limits.concurrent_calls as usize)),",
            replace: "all: Arc::new(Semaphore::new(if {off} { 4_096 } else { limits.concurrent_calls as usize })),",
        }],
        cases: &["resources/places"],
    },
    Mutant {
        id: "own-places",
        defence: "so many calls of one principal run at once",
        edits: &[Edit {
            file: PLACES,
            find: "Arc::new(Semaphore::new(self.concurrent_each as usize))",
            replace: "Arc::new(Semaphore::new(if {off} { 4_096 } else { self.concurrent_each as usize }))",
        }],
        cases: &["resources/own-places"],
    },
    Mutant {
        id: "queue",
        defence: "a call waits so long for a place",
        edits: &[Edit {
            file: PLACES,
            find: "wait: Duration::from_millis(limits.queue_ms),",
            replace: "wait: Duration::from_millis(if {off} { 3_600_000 } else { limits.queue_ms }),",
        }],
        cases: &["resources/places"],
    },
    Mutant {
        id: "caller-leaves",
        defence: "a call whose caller has gone is stopped",
        edits: &[Edit {
            file: RUN,
            find: "() = stop.cancelled() => Err(CallError::Cancelled),",
            replace: "() = stop.cancelled(), if !{off} => Err(CallError::Cancelled),",
        }],
        cases: &["tenancy/caller-leaves"],
    },
    Mutant {
        id: "listener-places",
        defence: "a caller has so many of the listener's places",
        edits: &[Edit {
            file: "host/server/src/mcp/places.rs",
            find: "Share { places: Arc::new(Semaphore::new(MAX_PER_PRINCIPAL)), requests: 0 }",
            replace: "Share { places: Arc::new(Semaphore::new(if {off} { 4_096 } else { MAX_PER_PRINCIPAL })), requests: 0 }",
        }],
        cases: &["surface/stalled-bodies"],
    },
    Mutant {
        id: "listener-body",
        defence: "a request to the listener has so many bytes",
        edits: &[
            Edit {
                file: "host/server/src/mcp/http.rs",
                find: "let whole = Limited::new(body, MAX_BODY_BYTES).collect();",
                replace: "let whole = Limited::new(body, if {off} { 1 << 30 } else { MAX_BODY_BYTES }).collect();",
            },
            Edit {
                file: "host/server/src/mcp/http.rs",
                find: ".with_max_request_body_bytes(MAX_BODY_BYTES)",
                replace: ".with_max_request_body_bytes(if {off} { 1 << 30 } else { MAX_BODY_BYTES })",
            },
        ],
        cases: &["surface/large-body"],
    },
];
