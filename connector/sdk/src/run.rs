//! From the component's exports to an author's functions, with their types erased on the way.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Account, Connector, Context, Environment, Output, ToolError};

/// What a tool may answer: any struct that serialises to a JSON object, or a whole [`Output`] where there
/// is more to give, such as an image.
pub trait IntoOutput {
    /// The answer in the contract's form.
    ///
    /// # Errors
    /// [`ToolError::Other`] if it is not a JSON object.
    fn into_output(self) -> Result<Output, ToolError>;
}

impl<T: Serialize> IntoOutput for T {
    fn into_output(self) -> Result<Output, ToolError> {
        let json = crate::json::write(&self)?.into_string();
        if !json.starts_with('{') {
            return Err(ToolError::Other("The tool's answer is not a JSON object: a fault of the connector.".into()));
        }
        Ok(Output { structured: Some(json), content: Vec::new() })
    }
}

impl IntoOutput for Output {
    fn into_output(self) -> Result<Output, ToolError> {
        Ok(self)
    }
}

/// Parses arguments, runs the tool's function, serialises its answer. Used by [`handler!`](crate::handler).
///
/// # Errors
/// [`ToolError::InvalidArguments`] if the arguments do not fit `A`, and whatever the function answers.
pub fn run<A: DeserializeOwned, O: IntoOutput>(
    context: &mut Context,
    arguments: &str,
    function: fn(&mut Context, A) -> Result<O, ToolError>,
) -> Result<Output, ToolError> {
    let arguments = crate::json::read(arguments.as_bytes()).map_err(|error| {
        ToolError::InvalidArguments(format!("The arguments do not fit the tool's schema: {error}."))
    })?;
    function(context, arguments)?.into_output()
}

/// Schema of a function's arguments. Used by [`handler!`](crate::handler).
pub fn input_schema<A: JsonSchema, O>(_: fn(&mut Context, A) -> Result<O, ToolError>) -> String {
    crate::schema::schema_of::<A>()
}

/// Schema of a function's answer. Used by [`handler!`](crate::handler).
pub fn output_schema<A, O: JsonSchema>(_: fn(&mut Context, A) -> Result<O, ToolError>) -> String {
    crate::schema::schema_of::<O>()
}

impl Connector {
    /// Runs one tool by its name, in any environment: the component's export, or a test.
    ///
    /// # Errors
    /// [`ToolError::NotFound`] for a name that is not declared, and whatever the tool answers.
    pub fn call(
        &'static self,
        environment: Box<dyn Environment>,
        tool: &str,
        arguments: &str,
    ) -> Result<Output, ToolError> {
        let Some(tool) = self.tool(tool) else {
            return Err(ToolError::NotFound(format!("{} has no tool of that name.", self.title)));
        };
        (tool.handler.run)(&mut Context::new(self, environment), arguments)
    }

    /// Asks the upstream whose credential it is.
    ///
    /// # Errors
    /// Whatever the connector's function answers.
    pub fn identify(&'static self, environment: Box<dyn Environment>) -> Result<Account, ToolError> {
        (self.identification.run)(&mut Context::new(self, environment))
    }
}
