//! What a connector says of itself, with one thing wrong at a time: each is refused, at its place.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what failed by panicking")]

use super::*;

fn tool(name: &str) -> wit::Tool {
    wit::Tool {
        name: name.to_owned(),
        title: "List".to_owned(),
        description: "Lists.\n\nAll of them.".to_owned(),
        input_schema: r#"{"type":"object","properties":{"q":{"type":"string","description":"What."}}}"#.to_owned(),
        output_schema: None,
        access: wit::Access::Read,
        idempotent: true,
        scopes: vec!["read".to_owned()],
        routes: vec![wit::Route { method: "GET".to_owned(), origin: "api".to_owned(), path: "/a/{id}".to_owned() }],
    }
}

fn prompt(name: &str) -> wit::Prompt {
    wit::Prompt {
        name: name.to_owned(),
        title: "Open".to_owned(),
        description: String::new(),
        arguments: vec![wit::PromptArgument {
            name: "team".to_owned(),
            description: "Whose.".to_owned(),
            required: false,
        }],
        text: "What is open for {team}?".to_owned(),
    }
}

fn good() -> wit::Connector {
    wit::Connector {
        name: "desk".to_owned(),
        version: "1.2.3-rc.1+build".to_owned(),
        title: "Desk".to_owned(),
        description: "A desk.".to_owned(),
        origins: vec![wit::Origin {
            name: "api".to_owned(),
            base: "https://api.desk.example".to_owned(),
            alternatives: vec!["https://eu.desk.example".to_owned()],
            request_headers: vec!["x-page".to_owned()],
            response_headers: vec!["x-next".to_owned()],
            account_headers: vec![],
        }],
        credentials: vec![wit::Credential {
            kind: wit::CredentialKind::ApiKey("In your profile".to_owned()),
            origin: "api".to_owned(),
            header: "authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
        }],
        identification: wit::Identification { scopes: vec![], routes: vec![] },
        tools: vec![tool("desk_list"), tool("desk_get")],
        prompts: vec![prompt("open"), prompt("closed")],
    }
}

/// Where the description is refused after `edit`, and the whole text.
fn refused(edit: impl FnOnce(&mut wit::Connector)) -> (String, String) {
    let mut said = good();
    edit(&mut said);
    match Description::check(said) {
        Err(HostError::DescriptionInvalid { field, reason }) => (field, reason),
        Err(other) => panic!("{other}"),
        Ok(_) => ("accepted".to_owned(), String::new()),
    }
}

#[test]
fn a_good_description_is_taken() {
    assert_eq!(refused(|_| ()).0, "accepted");
}

#[test]
fn versions_are_semantic() {
    for bad in ["1", "1.2", "01.2.3", "1.2.3 ", "a.b.c", "1.2.3-ü", "", "1.2.3-", "1.2.3+", "1.2.3-a..b", "1.2.3\n"] {
        assert_eq!(refused(|said| said.version = bad.to_owned()).0, "version", "{bad:?}");
    }
}

#[test]
fn what_nobody_sees_stands_nowhere() {
    // Terminal codes, bidirectional controls, zero width, tags, selectors, fillers, private use.
    for hidden in [
        '\u{1b}',
        '\u{7}',
        '\u{0}',
        '\u{9b}',
        '\u{202E}',
        '\u{2066}',
        '\u{61C}',
        '\u{200B}',
        '\u{FEFF}',
        '\u{AD}',
        '\u{E0041}',
        '\u{E0101}',
        '\u{3164}',
        '\u{E000}',
        '\r',
    ] {
        let with = |text: &str| format!("{text}{hidden}x");
        for (at, edit) in [
            ("title", (|said, text| said.title = text) as fn(&mut wit::Connector, String)),
            ("description", |said, text| said.description = text),
            ("credentials[0].api-key", |said, text| said.credentials[0].kind = wit::CredentialKind::ApiKey(text)),
            ("tools[1].title", |said, text| said.tools[1].title = text),
            ("tools[1].description", |said, text| said.tools[1].description = text),
            ("prompts[0].text", |said, text| said.prompts[0].text = text),
            ("prompts[0].arguments[0].description", |said, text| said.prompts[0].arguments[0].description = text),
        ] {
            let (field, reason) = refused(|said| edit(said, with("a")));
            assert_eq!(field, at, "{hidden:?}");
            assert!(!reason.contains(hidden), "{reason:?}");
        }
    }
}

#[test]
fn escapes_of_a_schema_hide_nothing_either() {
    for schema in [
        r#"{"type":"object","description":"\u202Eevil"}"#,
        r#"{"type":"object","properties":{"a\u200b":{}}}"#,
        r#"{"type":"object","properties":{"a":{"enum":["\u001b[2J"]}}}"#,
        r#"{"type":"object","description":"\udb40\udc41"}"#,
    ] {
        let (field, _) = refused(|said| said.tools[0].input_schema = schema.to_owned());
        assert_eq!(field, "tools[0].input-schema", "{schema}");
        let (field, _) = refused(|said| said.tools[0].output_schema = Some(schema.to_owned()));
        assert_eq!(field, "tools[0].output-schema", "{schema}");
    }
}

#[test]
fn white_space_is_plain() {
    for bad in [" a", "a ", "a\u{A0}b", "a\u{3000}b", "a\u{2003}b", "a \nb", "a\t\nb", "a\n\n\n\nb", "a\n"] {
        assert_eq!(refused(|said| said.description = bad.to_owned()).0, "description", "{bad:?}");
    }
    for bad in ["a\nb", "a\tb"] {
        assert_eq!(refused(|said| said.title = bad.to_owned()).0, "title", "{bad:?}");
    }
    assert_eq!(refused(|said| said.description = "a\n\n- b\n  c".to_owned()).0, "accepted");
}

#[test]
fn names_are_words_of_plain_letters() {
    for bad in ["", "Desk", "dësk", "dеsk", "desk ", "_desk", "desk_", "de__sk", "1desk", "desk-x", &"d".repeat(33)] {
        assert_eq!(refused(|said| said.name = bad.to_owned()).0, "name", "{bad:?}");
    }
    for bad in ["desk", "desk_", "desk__list", "other_list", "desk_Liste", "desk_l\u{131}st", "desk_list\u{200b}"] {
        assert_eq!(refused(|said| said.tools[1].name = bad.to_owned()).0, "tools[1].name", "{bad:?}");
    }
    for alike in ["desk_list", "desk_1ist", "desk_lis_t", "desk_llst"] {
        assert_eq!(refused(|said| said.tools[1].name = alike.to_owned()).0, "tools", "{alike:?}");
    }
    assert_eq!(refused(|said| said.prompts[1].name = "0pen".to_owned()).0, "prompts[1].name");
    assert_eq!(refused(|said| said.prompts[1].name = "op_en".to_owned()).0, "prompts");
}

#[test]
fn what_is_repeated_of_a_description_is_clean() {
    let (field, reason) = refused(|said| said.tools[0].routes[0].path = "/\u{1b}[31m\u{202E}\n".to_owned());
    assert_eq!(field, "tools[0].routes[0].path");
    assert!(!reason.chars().any(|c| c.is_control() || c == '\u{202E}'), "{reason:?}");
}

#[test]
fn counts_and_lengths_are_bounded() {
    for (at, edit) in [
        ("title", (|said| said.title = "x".repeat(65)) as fn(&mut wit::Connector)),
        ("description", |said| said.description = "x".repeat(1_025)),
        ("version", |said| said.version = format!("1.2.3-{}", "x".repeat(64))),
        ("origins", |said| said.origins = vec![said.origins[0].clone(); 9]),
        ("credentials", |said| said.credentials = vec![said.credentials[0].clone(); 9]),
        ("tools", |said| said.tools = (0..129).map(|number| tool(&format!("desk_t{number}"))).collect()),
        ("prompts", |said| said.prompts = (0..65).map(|number| prompt(&format!("p{number}"))).collect()),
        ("tools[0].routes", |said| said.tools[0].routes = vec![said.tools[0].routes[0].clone(); 33]),
        ("tools[0].scopes", |said| said.tools[0].scopes = vec!["x".to_owned(); 65]),
        ("tools[0].scopes", |said| said.tools[0].scopes = vec!["a b".to_owned()]),
        ("tools[0].input-schema", |said| {
            said.tools[0].input_schema = format!("{{\"type\":\"object\"}}{}", " ".repeat(16 << 10))
        }),
        ("prompts[0].arguments", |said| said.prompts[0].arguments = vec![said.prompts[0].arguments[0].clone(); 9]),
        ("prompts[0].text", |said| said.prompts[0].text = "x".repeat(2_049)),
        ("origins[0].alternatives", |said| said.origins[0].alternatives = vec!["https://a.example".to_owned(); 17]),
        ("credentials[0].prefix", |said| said.credentials[0].prefix = "x".repeat(65)),
    ] {
        assert_eq!(refused(edit).0, at);
    }
}

#[test]
fn identification_only_reads() {
    let of = |method: &str| {
        refused(|said| {
            let route = |method: &str| wit::Route {
                method: method.to_owned(),
                origin: "api".to_owned(),
                path: "/me".to_owned(),
            };
            said.identification.routes = vec![route("GET"), route(method)];
        })
    };
    for method in ["GET", "HEAD"] {
        assert_eq!(of(method).0, "accepted", "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let (field, reason) = of(method);
        assert_eq!(field, "identification.routes[1].method", "{method}");
        assert!(reason.contains("GET or HEAD"), "{reason}");
    }
}
