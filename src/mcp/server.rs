//! The server handler: what the SDK asks, answered by the other files of this module.
//!
//! An unknown tool is a protocol error; everything that a model can repair is a result that says how.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, ErrorData,
    GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams, GetSkillResult, Implementation,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

use super::agent_skills;
use super::artifacts;
use super::call::{self, Call};
use super::changes::{self, Watched};
use super::tools::{self, Reach, ToolName};
use super::{exposed, library, render, resources, skill_resources};
use crate::config::{Config, Exposure};
use crate::outputs::Outputs;
use crate::session::Sessions;

/// One client's server.
#[derive(Debug)]
pub struct Server {
    pub(super) sessions: Sessions,
    pub(super) outputs: Outputs,
    pub(super) config: Arc<Config>,
    pub(super) ended: CancellationToken,
    tools: Vec<Tool>,
    info: ServerConfig,
}

impl Server {
    /// A server over these sessions; `ended` stops what still runs when its client has left.
    pub fn new(sessions: Sessions, outputs: Outputs, config: Arc<Config>, ended: CancellationToken) -> Self {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_resources().enable_resources_list_changed();
        let capabilities = capabilities.enable_skills_with_directory_read();
        let capabilities = match config.expose_skills {
            Exposure::None => capabilities.build(),
            Exposure::Tools => capabilities.enable_tool_list_changed().build(),
            Exposure::Prompts => capabilities.enable_prompts().enable_prompts_list_changed().build(),
        };
        let about = Implementation::new("actwright", env!("CARGO_PKG_VERSION"))
            .with_title("actwright")
            .with_description(env!("CARGO_PKG_DESCRIPTION"));
        let instructions = tools::instructions(&config);
        let info = ServerConfig::new(capabilities).with_server_info(about).with_instructions(instructions);
        let has_tools = sessions.tools().names().next().is_some();
        let tools = tools::list(&config, if has_tools { Reach::Tools } else { Reach::Sandbox });
        Self { sessions, outputs, config, ended, tools, info }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        self.info.clone()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = self.tools.clone();
        if self.config.expose_skills == Exposure::Tools {
            tools.extend(exposed::tools(self.sessions.skills()).await);
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(skill) = exposed::skill_of(&request.name, self.config.expose_skills) {
            let request = library::Request::of_tool(skill, request.arguments.unwrap_or_default());
            return Ok(call::perform(self, Call::Skills(request), context).await.into());
        }
        let Some(tool) = ToolName::parse(&request.name) else {
            let name: String = request.name.chars().take(60).collect();
            let known = ToolName::ALL.map(ToolName::as_str).join(", ");
            return Err(ErrorData::invalid_params(
                format!("no tool named `{name}`; the tools are {known}"),
                None,
            ));
        };
        let arguments = request.arguments.unwrap_or_default();
        let result = match Call::read(tool, &arguments, &self.config) {
            Ok(call) => call::perform(self, call, context).await,
            Err(error) => render::refusal(&error),
        };
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(match self.config.expose_skills {
            Exposure::Prompts => exposed::prompts(self.sessions.skills()).await,
            Exposure::None | Exposure::Tools => Vec::new(),
        }))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if self.config.expose_skills != Exposure::Prompts {
            return Err(ErrorData::invalid_params("this server has no prompts", None));
        }
        exposed::prompt(self.sessions.skills(), &request.name, request.arguments.as_ref())
            .await
            .map(Into::into)
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = page.and_then(|page| page.cursor);
        let kept = self.sessions.artifacts();
        if let Some(after) = cursor.as_deref().and_then(artifacts::after) {
            return artifacts::resources(kept, after).await;
        }
        let after = cursor.as_deref().and_then(skill_resources::position);
        // Outputs come first, then skills, then artifacts.
        let mut result = match after {
            Some(_) => ListResourcesResult::default(),
            None => resources::list(&self.outputs, cursor.clone())?,
        };
        if result.next_cursor.is_none() {
            let (more, next) = skill_resources::page(self.sessions.skills(), after.unwrap_or("")).await;
            result.resources.extend(more);
            result.next_cursor = next;
        }
        if result.next_cursor.is_none() {
            artifacts::add_first(kept, &mut result).await;
        }
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if let Some((name, file)) = agent_skills::file_of(&request.uri) {
            let skills = self.sessions.skills();
            return agent_skills::read(skills, &request.uri, name, file).await.map(Into::into);
        }
        if request.uri.starts_with(skill_resources::SCHEME) {
            return skill_resources::read(self.sessions.skills(), &request.uri).await.map(Into::into);
        }
        if let Some(address) = artifacts::parse(&request.uri) {
            return artifacts::read(self.sessions.artifacts(), &request.uri, address).await.map(Into::into);
        }
        let outputs = self.outputs.clone();
        let read = tokio::task::spawn_blocking(move || resources::read(&outputs, &request.uri));
        match read.await {
            Ok(result) => result.map(Into::into),
            Err(error) => {
                tracing::error!(%error, "reading a resource failed");
                Err(ErrorData::internal_error("the resource could not be read", None))
            }
        }
    }

    async fn list_skills(
        &self,
        page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        agent_skills::list(self.sessions.skills(), page.and_then(|page| page.cursor)).await
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        agent_skills::get(self.sessions.skills(), &request.uri).await
    }

    async fn read_resource_directory(
        &self,
        request: ReadResourceDirectoryRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        agent_skills::directory(self.sessions.skills(), &request.uri).await
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let watched = Watched {
            skills: self.sessions.skills().clone(),
            artifacts: self.sessions.artifacts().clone(),
            exposure: self.config.expose_skills,
        };
        tokio::spawn(changes::tell(watched, context.peer, self.ended.clone()));
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        // The SDK reads a known method with wrong params as a custom one.
        let method: String = request.method.chars().take(60).collect();
        if KNOWN_METHODS.contains(&method.as_str()) {
            return Err(ErrorData::invalid_params(format!("invalid params of {method}"), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("no method `{method}`"), None))
    }
}

/// Methods that this server answers and whose params can be wrong.
const KNOWN_METHODS: [&str; 8] = [
    "initialize",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/directory/read",
    "skills/get",
    "completion/complete",
];
