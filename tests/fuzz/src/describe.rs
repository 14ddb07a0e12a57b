//! Descriptions as a component gives them: an honest one, with hostile parts where the input says so.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use serde_json::Value;
use toolkeep_host::fuzzing::{check_description, contract as wit};

use crate::clean::{assert_clean, assert_clean_json};

/// Longest text of a refusal, in bytes: a field's name and a reason, for a terminal.
const MAX_REFUSAL_BYTES: usize = 1_024;
/// Longest text within a description, in bytes: a schema is the longest (WIT `tool.input-schema`).
const MAX_TEXT_BYTES: usize = 16 << 10;

/// Characters and pieces that mean something to somebody who reads them.
const HOSTILE: [&str; 24] = [
    "\u{1b}[2J",
    "\r\n",
    "\0",
    "\u{85}",
    "\u{202E}",
    "\u{2066}",
    "\u{200B}",
    "\u{2028}",
    "\u{FEFF}",
    "\u{E0041}",
    "\u{61C}",
    "\u{FFFD}",
    "\\u202e",
    "\\u001b",
    "é",
    "字",
    "..",
    "/",
    "%2f",
    "{",
    "}",
    "\"",
    " ",
    "_",
];

/// The input is a row of choices. None at all is the honest description.
pub fn run(input: &[u8]) {
    let mut choices = Choices(Unstructured::new(input));
    let said = choices.connector();
    match check_description(said.clone()) {
        Ok(description) => {
            let shown = serde_json::to_value(&description).unwrap_or_default();
            assert_clean_json("description", &shown, MAX_TEXT_BYTES);
            is_within_the_contract(&shown);
            // Checked again, it says the same.
            let again = check_description(said).ok().and_then(|again| serde_json::to_value(again).ok());
            assert_eq!(again, Some(shown));
        }
        Err(error) => {
            assert!(!input.is_empty(), "the honest description is refused: {error}");
            assert_clean("a refusal", &error.to_string(), MAX_REFUSAL_BYTES);
        }
    }
}

/// The limits of the contract, read from the JSON that a reviewer sees.
fn is_within_the_contract(shown: &Value) {
    let list = |value: &Value, field: &str| value.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| {
        value.get(field).and_then(Value::as_str).map(ToOwned::to_owned).unwrap_or_default()
    };
    let connector = text(shown, "name");
    assert!(is_word(&connector, 32));
    assert_clean("version", &text(shown, "version"), 64);
    assert_clean("description", &text(shown, "description"), 1_024);
    let (origins, tools, prompts) = (list(shown, "origins"), list(shown, "tools"), list(shown, "prompts"));
    assert!(origins.len() <= 8 && tools.len() <= 128 && prompts.len() <= 64);
    for named in [&origins, &tools, &prompts] {
        let names: BTreeSet<String> = named.iter().map(|part| text(part, "name")).collect();
        assert_eq!(names.len(), named.len(), "two parts have one name");
        assert!(names.iter().all(|name| is_word(name, 64)));
    }
    for part in tools.iter().chain(&prompts).chain([shown]) {
        assert_clean("title", &text(part, "title"), 64);
    }
    let declared: BTreeSet<String> = origins.iter().map(|origin| text(origin, "name")).collect();
    for tool in &tools {
        assert!(text(tool, "name").starts_with(&format!("{connector}_")));
        let routes = list(tool, "routes");
        assert!(routes.len() <= 32 && list(tool, "scopes").len() <= 64);
        for route in routes.iter().filter_map(Value::as_str) {
            // `METHOD origin:/path`, all of it plain.
            assert!(route.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{route}");
            let origin = route.split([' ', ':']).nth(1).unwrap_or_default();
            assert!(declared.contains(origin), "{route}");
        }
        assert_eq!(tool.get("input_schema").and_then(|schema| schema.get("type")), Some(&Value::from("object")));
    }
    let identification = shown.get("identification").cloned().unwrap_or_default();
    for route in list(&identification, "routes").iter().filter_map(Value::as_str) {
        assert!(route.starts_with("GET ") || route.starts_with("HEAD "), "identification changes something: {route}");
    }
    for origin in &origins {
        for field in ["request_headers", "response_headers"] {
            let names = list(origin, field);
            assert!(names.len() <= 16);
            for name in names.iter().filter_map(Value::as_str) {
                assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')), "{name}");
                assert!(!matches!(name, "authorization" | "cookie" | "host" | "set-cookie" | "location"), "{name}");
            }
        }
    }
}

fn is_word(name: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Choices, each from the next bytes of the input; the honest one when they are used up.
struct Choices<'a>(Unstructured<'a>);

impl Choices<'_> {
    fn number(&mut self, max: usize) -> usize {
        self.0.int_in_range(0..=max).unwrap_or(0)
    }

    /// Mostly true of honest input and always of none.
    fn usually(&mut self) -> bool {
        self.number(15) < 13
    }

    /// The honest text, or one that is not.
    fn text(&mut self, honest: &str, max_bytes: usize) -> String {
        if self.usually() {
            return honest.to_owned();
        }
        let hostile = HOSTILE.get(self.number(HOSTILE.len() - 1)).copied().unwrap_or_default();
        match self.number(5) {
            0 => format!("{honest}{hostile}"),
            1 => format!("{hostile}{honest}"),
            2 => hostile.to_owned(),
            3 => String::new(),
            // At a limit, one past it, and far past it.
            4 => {
                let bytes = [max_bytes, max_bytes + 1, max_bytes * 20].get(self.number(2)).copied().unwrap_or(0);
                honest.chars().cycle().take(bytes).collect()
            }
            _ => {
                let length = self.number(40);
                String::from_utf8_lossy(self.0.bytes(length.min(self.0.len())).unwrap_or_default()).into_owned()
            }
        }
    }

    /// The honest number of things, or another.
    fn list<T>(&mut self, honest: usize, max: usize, mut make: impl FnMut(&mut Self, usize) -> T) -> Vec<T> {
        let count = if self.usually() {
            honest
        } else {
            [0, 1, 2, max, max + 1].get(self.number(4)).copied().unwrap_or(honest)
        };
        (0..count).map(|index| make(self, index)).collect()
    }

    /// A name that is the only one of its kind, usually.
    fn name(&mut self, stem: &str, index: usize, max_bytes: usize) -> String {
        let index = if self.usually() { index } else { 0 };
        self.text(&format!("{stem}{index}"), max_bytes)
    }

    fn connector(&mut self) -> wit::Connector {
        let name = self.text("acme", 32);
        wit::Connector {
            version: self.text("1.2.3", 64),
            title: self.text("Acme", 64),
            description: self.text("Talks to Acme.", 1_024),
            origins: self.list(1, 8, Self::origin),
            credentials: self.list(2, 8, Self::credential),
            identification: wit::Identification { scopes: self.scopes(), routes: self.routes() },
            tools: self.list(2, 128, |choices, index| choices.tool(&name, index)),
            prompts: self.list(1, 64, Self::prompt),
            name,
        }
    }

    fn origin(&mut self, index: usize) -> wit::Origin {
        let host = if index == 0 { String::new() } else { index.to_string() };
        wit::Origin {
            name: if index == 0 { self.text("api", 32) } else { self.name("api", index, 32) },
            base: self.text(&format!("https://api{host}.acme.example"), 64),
            alternatives: self.list(1, 16, |choices, _| choices.text("https://api.eu.acme.example:8443", 64)),
            request_headers: self.list(1, 16, |choices, _| choices.header("x-early-access")),
            response_headers: self.list(1, 16, |choices, _| choices.header("x-request-id")),
            account_headers: self.list(1, 4, |choices, _| wit::AccountHeader {
                name: choices.header("from"),
                field: wit::AccountField::Email,
            }),
        }
    }

    fn header(&mut self, honest: &str) -> String {
        const OTHERS: [&str; 8] = [
            "authorization",
            "cookie",
            "x_forwarded_host",
            "X-Upper",
            "from",
            "set-cookie",
            "transfer-encoding",
            "x-a",
        ];
        if self.usually() {
            return self.text(honest, 64);
        }
        OTHERS.get(self.number(OTHERS.len() - 1)).copied().unwrap_or_default().to_owned()
    }

    fn credential(&mut self, index: usize) -> wit::Credential {
        let is_key = (index == 0) == self.usually();
        let kind = if is_key {
            wit::CredentialKind::ApiKey(self.text("My Profile, API Access", 256))
        } else {
            wit::CredentialKind::Oauth2(wit::Oauth2 {
                authorize_url: self.text("https://id.acme.example/authorize", 512),
                token_url: self.text("https://id.acme.example/token", 512),
                revoke_url: self.usually().then(|| self.text("https://id.acme.example/revoke", 512)),
                scopes: self.scopes(),
            })
        };
        wit::Credential {
            kind,
            origin: self.text("api", 32),
            header: self.header("authorization"),
            prefix: self.text("Bearer ", 64),
        }
    }

    fn scopes(&mut self) -> Vec<String> {
        self.list(1, 64, |choices, _| choices.text("incidents.read", 128))
    }

    fn routes(&mut self) -> Vec<wit::Route> {
        self.list(1, 32, |choices, _| wit::Route {
            method: choices.text("GET", 8),
            origin: choices.text("api", 32),
            path: choices.text("/incidents/{id}/notes", 256),
        })
    }

    fn tool(&mut self, connector: &str, index: usize) -> wit::Tool {
        wit::Tool {
            name: self.name(&format!("{connector}_tool"), index, 64),
            title: self.text("Incidents", 64),
            description: self.text("Lists incidents.", 1_024),
            input_schema: self.schema(),
            output_schema: self.usually().then(|| self.schema()),
            access: wit::Access::Read,
            idempotent: self.usually(),
            scopes: self.scopes(),
            routes: self.routes(),
        }
    }

    fn prompt(&mut self, index: usize) -> wit::Prompt {
        wit::Prompt {
            name: self.name("ask", index, 64),
            title: self.text("Ask", 64),
            description: self.text("Asks.", 1_024),
            arguments: self.list(1, 8, |choices, index| wit::PromptArgument {
                name: choices.name("what", index, 32),
                description: choices.text("What to ask.", 256),
                required: choices.usually(),
            }),
            text: self.text("What about {what0}?", 2_048),
        }
    }

    /// A schema: plain, with a hostile text in it, or with a keyword that makes checking costly.
    fn schema(&mut self) -> String {
        let about = self.text("Which ones.", 1_024);
        let about = Value::from(about).to_string();
        let keyword = match self.number(15) {
            0..=7 => "\"type\": \"string\"".to_owned(),
            8 => "\"$ref\": \"#\"".to_owned(),
            9 => format!("\"pattern\": \"(\\\\w{{{}}}){{{}}}\"", self.number(1_000), self.number(1_000)),
            10 => "\"$ref\": \"#/$defs/a\"".to_owned(),
            11 => "\"patternProperties\": {\"^(a|aa)+$\": {\"uniqueItems\": true}}".to_owned(),
            12 => format!("\"enum\": [{}null]", "0, ".repeat(self.number(1_200))),
            13 => format!("\"not\": {}", "{\"not\": ".repeat(60) + "{}" + &"}".repeat(60)),
            14 => "\"multipleOf\": 1e-300, \"format\": \"email\", \"minLength\": 1e300".to_owned(),
            _ => self.text("\"minimum\": 1", 16 << 10),
        };
        let schema = format!(
            "{{\"type\": \"object\", \"properties\": {{\"a\": {{\"description\": {about}, {keyword}}}}}, \
             \"$defs\": {{\"a\": {{\"items\": {{\"$ref\": \"#/$defs/b\"}}}}, \"b\": {{\"type\": \"integer\"}}}}}}"
        );
        self.text(&schema, MAX_TEXT_BYTES)
    }
}
