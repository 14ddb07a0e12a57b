//! Calls over MCP: `toolkeep serve` as a user would run it, and a client that speaks revision 2026-07-28 to it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use pagerduty_simulator::DEMO_OAUTH_TOKEN;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::library::{TENANT, TOOL, USER, arguments};
use crate::native;
use crate::program::Program;

/// The revision that the client speaks: the newest.
const REVISION: &str = "2026-07-28";

/// The program with a data directory, a connected user and a key for that user's agent.
pub(crate) struct Installation {
    program: PathBuf,
    data: PathBuf,
    simulator: String,
    key: String,
}

impl Installation {
    /// Installs the connector, connects the user and makes the key, as a person would: with the program's own
    /// commands.
    pub(crate) async fn set_up(
        program: &Path,
        data: PathBuf,
        component: PathBuf,
        simulator: &str,
    ) -> anyhow::Result<Self> {
        let mut installation =
            Self { program: program.to_owned(), data, simulator: simulator.to_owned(), key: String::new() };
        let file = component.to_str().context("the component's path is not text")?;
        let sheet = installation.run(&["connector", "inspect", file, "--json"], "").await?;
        let digest = sheet.get("digest").and_then(Value::as_str).context("the sheet has no digest")?;
        installation.run(&["connector", "install", file, "--approve-digest", digest, "--json"], "").await?;
        let whom = ["--tenant", TENANT, "--user", USER];
        let add = ["credential", "add", "pagerduty", "--kind", "oauth2", "--base", simulator, "--json"];
        installation.run(&[&add[..], &whom].concat(), DEMO_OAUTH_TOKEN).await?;
        let made = installation.run(&[&["key", "create", "--json"][..], &whom].concat(), "").await?;
        installation.key = made.get("key").and_then(Value::as_str).context("`key create` gave no key")?.to_owned();
        Ok(installation)
    }

    /// The program with the options of this installation, and a command.
    pub(crate) fn command(&self, command: &[&str]) -> Command {
        let mut process = Command::new(&self.program);
        // Only what is wrong is logged: what a terminal costs is not the server's.
        process.args(command).args(["--log", "warn", "--upstream", &self.simulator]);
        process.arg("--data").arg(&self.data);
        process
    }

    async fn run(&self, command: &[&str], given: &str) -> anyhow::Result<Value> {
        // Making the master key is told as a warning, which is no news here.
        let mut process = self.command(command);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = process.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        let mut input = child.stdin.take().context("the program has no standard input")?;
        input.write_all(given.as_bytes()).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts a server and gives a client of it.
    pub(crate) async fn serve(&self) -> anyhow::Result<(Program, Client)> {
        // One principal asks as fast as it can: the rate of each is not what is measured.
        let unlimited = ["--host-limit", "calls_per_minute_per_principal=0"];
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--json", "--exit-with-stdin"]);
        command.args(unlimited);
        let server = Program::start(&mut command).await?;
        let client = Client::new(native::client()?, server.url.clone(), &self.key)?;
        Ok((server, client))
    }

    /// Makes the next start a cold one.
    pub(crate) fn forget_compiled(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.data.join("cache"))
    }
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    call: String,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult<'a> {
    #[serde(default)]
    is_error: bool,
    #[serde(borrow)]
    structured_content: Option<&'a RawValue>,
}

/// A request as the wire has it.
pub(crate) fn request(method: &str, mut params: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "toolkeep-bench", "version": env!("CARGO_PKG_VERSION") },
    });
    if let Some(params) = params.as_object_mut() {
        params.insert("_meta".to_owned(), meta);
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

impl Client {
    fn new(client: reqwest::Client, url: String, key: &str) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}"))?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_static(REVISION));
        let call = request("tools/call", json!({ "name": TOOL, "arguments": arguments() })).to_string();
        Ok(Self { client, url, headers, call })
    }

    async fn post(&self, method: &'static str, name: Option<&'static str>, body: String) -> anyhow::Result<Vec<u8>> {
        let mut post = self.client.post(&self.url).headers(self.headers.clone()).header("mcp-method", method);
        if let Some(name) = name {
            post = post.header("mcp-name", name);
        }
        let answer = post.body(body).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            bail!("the server answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body.to_vec())
    }

    /// The result of `tools/list`, as it came.
    pub(crate) async fn list(&self) -> anyhow::Result<String> {
        let body = self.post("tools/list", None, request("tools/list", json!({})).to_string()).await?;
        let message: Message<'_> = serde_json::from_slice(&body)?;
        Ok(message.result.context("tools/list gave no result")?.get().to_owned())
    }

    /// One call; the structured answer.
    pub(crate) async fn call(&self) -> anyhow::Result<String> {
        let body = self.post("tools/call", Some(TOOL), self.call.clone()).await?;
        let message: Message<'_> = serde_json::from_slice(&body)?;
        let result: ToolResult<'_> = serde_json::from_str(message.result.context("tools/call gave no result")?.get())?;
        if result.is_error {
            bail!("the call failed: {}", String::from_utf8_lossy(&body));
        }
        Ok(result.structured_content.context("the answer has nothing structured")?.get().to_owned())
    }
}
