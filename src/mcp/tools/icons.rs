//! The icons of the tools.

use rmcp::model::Icon;

use super::ToolName;

/// Line drawings on a 24 x 24 grid, small enough to travel in every list.
pub(super) fn icon(name: ToolName) -> Icon {
    let path = match name {
        ToolName::RunCode => "M8 5v14l11-7z",
        ToolName::ReadOutput => "M4 5h16M4 10h16M4 15h10",
        ToolName::UndoRun => "M9 14L4 9l5-5M4 9h9a6 6 0 0 1 0 12h-2",
        ToolName::ForkSession => "M12 21v-6M12 15L6 9V4M12 15l6-6V4",
        ToolName::ListSessions => "M4 6h2M9 6h11M4 12h2M9 12h11M4 18h2M9 18h11",
        ToolName::ResetSession => "M5 12a7 7 0 1 0 3-6M5 3v4h4",
        ToolName::CloseSession => "M6 6l12 12M18 6L6 18",
        ToolName::SearchTools => "M10 4a6 6 0 1 0 0 12a6 6 0 1 0 0-12M15 15l5 5",
        ToolName::ListTools => "M5 5h6v6H5zM13 13h6v6h-6z",
        ToolName::CallTool => "M5 12h12M13 7l5 5-5 5",
        ToolName::SearchSkills => "M10 4a6 6 0 1 0 0 12a6 6 0 1 0 0-12M15 15l5 5M10 7v6M7 10h6",
        ToolName::ListSkills => "M5 4h11l3 3v13H5zM8 10h8M8 14h8",
        ToolName::GetSkill => "M5 4h11l3 3v13H5z",
        ToolName::CreateSkill => "M5 4h11l3 3v13H5zM12 9v7M8 12h8",
        ToolName::InvokeSkill => "M5 4h11l3 3v13H5zM10 9v7l5-3z",
        ToolName::VerifySkill => "M5 4h11l3 3v13H5zM8 13l3 3 5-6",
        ToolName::SaveArtifact => "M5 8h14v11H5zM12 3v9M9 9l3 3 3-3",
        ToolName::LoadArtifact => "M5 8h14v11H5zM12 12V3M9 6l3-3 3 3",
        ToolName::ListArtifacts => "M5 8h14v11H5zM9 12h6M9 15h6",
        ToolName::DeleteArtifact => "M5 8h14v11H5zM9 11l6 6M15 11l-6 6",
        ToolName::AddDep => "M4 8l8-4 8 4v8l-8 4-8-4zM12 9v6M9 12h6",
        ToolName::ListDeps => "M4 8l8-4 8 4v8l-8 4-8-4zM8 11h8M8 14h8",
        ToolName::RemoveDep => "M4 8l8-4 8 4v8l-8 4-8-4zM9 12h6",
        ToolName::DeleteSkill => "M5 4h11l3 3v13H5zM9 10l6 6M15 10l-6 6",
    };
    let svg = format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' \
         stroke='%23888' stroke-width='2'%3E%3Cpath d='{path}'/%3E%3C/svg%3E"
    );
    Icon::new(svg.replace(' ', "%20")).with_mime_type("image/svg+xml").with_sizes(vec!["any".to_owned()])
}
