//! The real program, as an operator runs it and strangers reach it. Everything that it prints is looked through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use toolkeep_tests::{guest_path, program};
use toolkeep_vault::{KeySource, Vault};

use crate::arena::Arena;

/// Longest wait for the program to do anything, in seconds: a first start compiles components.
const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory, and how the program is called on it.
pub(crate) struct Data {
    arena: Arc<Arena>,
    directory: Arc<tempfile::TempDir>,
    options: Vec<String>,
}

/// A file's SHA-256, as `--approve-digest` takes it.
pub(crate) fn digest(file: &Path) -> Result<String> {
    Ok(hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(file)?)))
}

/// What a command of the program gave.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Data {
    /// One where nothing is installed, and perhaps with a base that the operator names.
    pub(crate) fn empty(arena: &Arc<Arena>, base: Option<&str>) -> Result<Self> {
        let directory = Arc::new(tempfile::tempdir()?);
        arena.watch_directory(Arc::clone(&directory));
        let mut options = vec!["--data".to_owned(), directory.path().join("data").display().to_string()];
        if let Some(base) = base {
            options.extend(["--upstream".to_owned(), base.to_owned()]);
        }
        Ok(Self { arena: Arc::clone(arena), directory, options })
    }

    /// The same, with these components of `tests/guests` installed: an operator was deceived, and approved them.
    pub(crate) async fn new(arena: &Arc<Arena>, guests: &[&str], base: Option<&str>) -> Result<Self> {
        let data = Self::empty(arena, base)?;
        for guest in guests {
            data.install(&guest_path(guest)).await?;
        }
        Ok(data)
    }

    /// Installs a component, approved by its digest.
    pub(crate) async fn install(&self, file: &Path) -> Result<()> {
        let approve = ["connector", "install", &file.display().to_string(), "--approve-digest", &digest(file)?];
        self.succeed(&approve, "").await?;
        Ok(())
    }

    /// Its vault, opened beside whoever serves it.
    pub(crate) fn vault(&self) -> Result<Vault> {
        let root = self.directory.path().join("data");
        Ok(Vault::open(&root, KeySource::File(root.join("master.key")))?)
    }

    /// The files of the data directory, with their bytes.
    pub(crate) fn files(&self) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        toolkeep_tests::files_below(self.directory.path())
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command.args(arguments).args(&self.options).current_dir(self.directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command with this on its standard input, and these variables in its environment.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Result<Done> {
        let mut child = self.command(arguments)?.envs(variables.iter().copied()).spawn()?;
        let mut stdin = child.stdin.take().context("a standard input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .with_context(|| format!("toolkeep {} did not end", arguments.join(" ")))??;
        self.arena.see("the program's standard output", output.stdout.clone());
        self.arena.see("the program's standard error", output.stderr.clone());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) async fn succeed(&self, arguments: &[&str], input: &str) -> Result<String> {
        let done = self.run(arguments, input, &[]).await?;
        ensure!(done.code == Some(0), "toolkeep {} failed: {}", arguments.join(" "), done.stderr);
        Ok(done.stdout)
    }

    /// Makes an API key for tenant `acme`, unless `options` name another.
    pub(crate) async fn key(&self, options: &[&str]) -> Result<String> {
        let mut arguments = vec!["key", "create", "--json"];
        if !options.contains(&"--tenant") {
            arguments.extend(["--tenant", "acme"]);
        }
        arguments.extend(options);
        let told: Value = serde_json::from_str(&self.succeed(&arguments, "").await?)?;
        Ok(told.get("key").and_then(Value::as_str).context("no key was made")?.to_owned())
    }

    /// Starts `toolkeep serve` on a free port, its log at its most talkative.
    pub(crate) async fn serve(&self) -> Result<Serving> {
        let arguments = ["serve", "--json", "--exit-with-stdin", "--listen", "127.0.0.1:0", "--log", "trace"];
        let mut child = self.command(&arguments)?.spawn()?;
        let (input, output, mut errors) = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => (input, output, errors),
            _ => bail!("the program has no standard streams"),
        };
        let arena = Arc::clone(&self.arena);
        let errors = tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            let mut said = Vec::new();
            while let Ok(count @ 1..) = errors.read(&mut buffer).await {
                said.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
            let text = String::from_utf8_lossy(&said).into_owned();
            arena.see("the program's log", said);
            text
        });
        let mut output = BufReader::new(output);
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, output.read_line(&mut line)).await.context("it did not start")??;
        let url =
            serde_json::from_str::<Value>(&line).ok().and_then(|told| Some(told.get("url")?.as_str()?.to_owned()));
        let Some(url) = url else {
            drop((input, child));
            bail!("toolkeep serve did not start: {}", errors.await?);
        };
        let address = url.trim_start_matches("http://").trim_end_matches("/mcp").parse()?;
        let arena = Arc::clone(&self.arena);
        let output = tokio::spawn(async move {
            let mut rest = String::new();
            let _ended = output.read_to_string(&mut rest).await;
            arena.see("the program's standard output", rest.clone());
            rest
        });
        self.arena.wait_for([errors, output]);
        Ok(Serving { arena: Arc::clone(&self.arena), address, child, _input: input })
    }
}

/// A running `toolkeep serve`; it ends with this.
pub(crate) struct Serving {
    arena: Arc<Arena>,
    address: SocketAddr,
    child: Child,
    _input: ChildStdin,
}

impl Serving {
    /// The number of its process.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// A request that is let in, for changes to be made to it.
    pub(crate) fn request(&self, key: &str) -> Request {
        Request {
            arena: Arc::clone(&self.arena),
            address: self.address,
            target: "/mcp".to_owned(),
            headers: vec![
                ("Host".to_owned(), self.address.to_string()),
                ("Authorization".to_owned(), format!("Bearer {key}")),
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
                ("MCP-Protocol-Version".to_owned(), "2025-06-18".to_owned()),
                ("Connection".to_owned(), "close".to_owned()),
            ],
            body: String::new(),
        }
    }
}

/// A message of MCP.
pub(crate) fn message(method: &str, parameters: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters }).to_string()
}

/// A call of a tool.
pub(crate) fn tool_call(tool: &str, arguments: &Value) -> String {
    message("tools/call", &json!({ "name": tool, "arguments": arguments }))
}

/// An HTTP request, written by hand.
pub(crate) struct Request {
    arena: Arc<Arena>,
    address: SocketAddr,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body, as it came.
    pub(crate) text: String,
}

impl Request {
    /// Sets a header in the place of the one that is there.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.without(name).add(name, value)
    }

    /// Adds a header beside the one that may be there.
    pub(crate) fn add(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Asks for another path.
    pub(crate) fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// With this body.
    pub(crate) fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Sends its head over a connection of its own, announces a body, waits until the other end wants that
    /// (RFC 9110, section 10.1.1), and sends none. Gives the connection, which is open.
    pub(crate) async fn stall(&self) -> Result<TcpStream> {
        let mut head = format!("POST {} HTTP/1.1\r\nContent-Length: 100\r\n", self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        let mut answer = [0; 64];
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.context("no answer came")??;
        let told = String::from_utf8_lossy(answer.get(..count).unwrap_or_default()).into_owned();
        ensure!(told.starts_with("HTTP/1.1 100 "), "it was told {told:?}");
        Ok(stream)
    }

    /// Sends it over a connection of its own, and reads until the other end closes.
    pub(crate) async fn send(&self) -> Result<Answer> {
        let mut head = format!("POST {} HTTP/1.1\r\nContent-Length: {}\r\n", self.target, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            // It may answer and close before it has read everything.
            let _cut = stream.write_all(format!("{head}\r\n{}", self.body).as_bytes()).await;
            let mut bytes = Vec::new();
            let mut buffer = vec![0; 16 << 10];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
            anyhow::Ok(bytes)
        };
        let bytes = tokio::time::timeout(PATIENCE, exchange).await.context("no answer came")??;
        self.arena.see("what the listener answered", bytes.clone());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        Ok(Answer { status: status.with_context(|| format!("no HTTP came back: {text:?}"))?, text: body })
    }
}
