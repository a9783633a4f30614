"""Our models against the official SDK's types: a field that the SDK gains or loses shows up here."""

import typing
from typing import Any, Required, get_args

import pytest
from anthropic.types import beta
from anthropic.types.beta import agent_list_params, environment_list_params, session_list_params, sessions
from anthropic.types.beta.agents import version_list_params
from anthropic.types.beta.sessions import event_list_params, event_stream_params, thread_list_params

from journeyman.wire import (
    agents,
    content,
    custom_tools,
    dreams,
    environments,
    events,
    lists,
    mcp,
    models,
    multiagent,
    policies,
    references,
    resources,
    skills,
    toolset,
    web_tools,
)
from journeyman.wire import sessions as session_models
from journeyman.wire.event_types import DELTA_TYPES, EVENT_TYPES

HEADERS = {"betas", "workspace_id"}
ROUTED_BY_CALL = {"session_thread_id"}
"""Older clients send it, ours accepts and ignores it (facts 21.6)."""

ANSWERS = (events.UserToolConfirmation, events.UserToolResult, events.UserCustomToolResult)
PARAMS = [
    (agents.AgentCreate, "AgentCreateParams"),
    (agents.AgentUpdate, "AgentUpdateParams"),
    (agents.ServiceAccount, "BetaManagedAgentsServiceAccountExecutionIdentityParams"),
    (agents.AwsRole, "BetaManagedAgentsAWSRoleExecutionIdentityParams"),
    (models.ModelParams, "BetaManagedAgentsModelConfigParams"),
    (toolset.AgentToolsetParams, "BetaManagedAgentsAgentToolset20260401Params"),
    (policies.DefaultConfig, "BetaManagedAgentsAgentToolsetDefaultConfigParams"),
    (policies.DefaultConfig, "BetaManagedAgentsMCPToolsetDefaultConfigParams"),
    (web_tools.UserLocation, "BetaManagedAgentsUserLocationParam"),
    (web_tools.UrlSources, "BetaManagedAgentsWebFetchURLSourcesParams"),
    (web_tools.ToolReference, "BetaManagedAgentsWebFetchURLSourceToolReferenceParam"),
    (custom_tools.CustomToolParams, "BetaManagedAgentsCustomToolParams"),
    (mcp.McpToolsetParams, "BetaManagedAgentsMCPToolsetParams"),
    (mcp.McpToolConfigParams, "BetaManagedAgentsMCPToolConfigParams"),
    (mcp.McpServerParams, "BetaManagedAgentsURLMCPServerParams"),
    (skills.CustomSkillParams, "BetaManagedAgentsCustomSkillParams"),
    (skills.AnthropicSkillParams, "BetaManagedAgentsAnthropicSkillParams"),
    (references.AgentReference, "BetaManagedAgentsAgentParams"),
    (multiagent.Coordinator, "BetaManagedAgentsMultiagentCoordinatorParams"),
    (multiagent.Multiagent20261001, "BetaManagedAgentsMultiagent20261001Params"),
    (multiagent.AgentsEnabled, "BetaManagedAgentsMultiagentSubagentsEnabledParams"),
    (multiagent.AgentsEnabled, "BetaManagedAgentsMultiagentWorkflowsEnabledParams"),
    (multiagent.AdvisorEnabled, "BetaManagedAgentsMultiagentAdvisorEnabledParams"),
    (environments.EnvironmentCreate, "EnvironmentCreateParams"),
    (environments.EnvironmentUpdate, "EnvironmentUpdateParams"),
    (environments.CloudConfig, "BetaCloudConfigParams"),
    (environments.SelfHostedConfig, "BetaSelfHostedConfigParams"),
    (environments.Limited, "BetaLimitedNetworkParams"),
    (environments.Unrestricted, "BetaUnrestrictedNetworkParam"),
    (environments.Packages, "BetaPackagesParams"),
    (session_models.SessionCreate, "SessionCreateParams"),
    (session_models.SessionUpdate, "SessionUpdateParams"),
    (session_models.SessionAgentUpdate, "BetaManagedAgentsSessionAgentUpdateParam"),
    (session_models.AgentWithOverrides, "BetaManagedAgentsAgentWithOverridesParams"),
    (session_models.BudgetLimit, "BetaManagedAgentsBudgetLimitParam"),
    (resources.FileResource, "BetaManagedAgentsFileResourceParams"),
    (resources.GitHubRepositoryResource, "BetaManagedAgentsGitHubRepositoryResourceParams"),
    (resources.MemoryStoreResource, "BetaManagedAgentsMemoryStoreResourceParam"),
    (dreams.DreamCreate, "DreamCreateParams"),
    (dreams.MemoryStoreInput, "BetaDreamMemoryStoreInputParam"),
    (dreams.SessionsInput, "BetaDreamSessionsInputParam"),
    (dreams.CreateNew, "BetaOutputBehaviorCreateNewParam"),
    (dreams.UpdateExisting, "BetaOutputBehaviorUpdateExistingParam"),
    (dreams.DreamModel, "BetaDreamModelConfigParam"),
    (events.EventsSend, "EventSendParams"),
    (events.UserMessage, "BetaManagedAgentsUserMessageEventParams"),
    (events.UserInterrupt, "BetaManagedAgentsUserInterruptEventParams"),
    (events.UserToolConfirmation, "BetaManagedAgentsUserToolConfirmationEventParams"),
    (events.UserCustomToolResult, "BetaManagedAgentsUserCustomToolResultEventParams"),
    (events.UserToolResult, "BetaManagedAgentsUserToolResultEventParams"),
    (events.UserDefineOutcome, "BetaManagedAgentsUserDefineOutcomeEventParams"),
    (events.SystemMessage, "BetaManagedAgentsSystemMessageEventParams"),
    (events.FileRubric, "BetaManagedAgentsFileRubricParams"),
    (events.TextRubric, "BetaManagedAgentsTextRubricParams"),
    (content.TextBlock, "BetaManagedAgentsTextBlockParam"),
    (content.ImageBlock, "BetaManagedAgentsImageBlockParam"),
    (content.DocumentBlock, "BetaManagedAgentsDocumentBlockParam"),
    (content.SearchResultBlock, "BetaManagedAgentsSearchResultBlockParam"),
    (content.Base64Image, "BetaManagedAgentsBase64ImageSourceParam"),
    (content.Base64Document, "BetaManagedAgentsBase64DocumentSourceParam"),
    (content.PlainText, "BetaManagedAgentsPlainTextDocumentSourceParam"),
    (content.UrlSource, "BetaManagedAgentsURLImageSourceParam"),
    (content.FileSource, "BetaManagedAgentsFileDocumentSourceParam"),
]


def sdk(name: str) -> Any:
    return getattr(beta, name, None) or getattr(sessions, name)


def fields(typed_dict: Any) -> set[str]:
    return set(typed_dict.__annotations__) - HEADERS


@pytest.mark.parametrize(("ours", "theirs"), PARAMS, ids=[theirs for _, theirs in PARAMS])
def test_request_fields(ours, theirs):
    routed = ROUTED_BY_CALL if ours in ANSWERS else set()
    assert set(ours.model_fields) == fields(sdk(theirs)) | routed


@pytest.mark.parametrize(("ours", "theirs"), PARAMS, ids=[theirs for _, theirs in PARAMS])
def test_required_fields(ours, theirs):
    required = {name for name, field in ours.model_fields.items() if field.is_required()}
    hints = typing.get_type_hints(sdk(theirs), include_extras=True)
    assert required == {name for name, hint in hints.items() if typing.get_origin(hint) is Required}


@pytest.mark.parametrize("name", toolset.TOOL_NAMES)
def test_tool_config_fields(name):
    words = "".join(word.capitalize() for word in name.split("_"))
    assert toolset.fields_of(name) == fields(sdk(f"BetaManagedAgents{words}ToolConfigParams"))


@pytest.mark.parametrize("name", toolset.TOOL_NAMES)
def test_tool_config_response_fields(name):
    words = "".join(word.capitalize() for word in name.split("_"))
    config = toolset.AgentToolsetParams.model_validate({"type": "agent_toolset_20260401", "configs": [{"name": name}]})
    stored = toolset.materialise(config)["configs"][0]
    assert set(stored) == set(sdk(f"BetaManagedAgents{words}ToolConfig").model_fields)


def test_event_types():
    assert set(EVENT_TYPES) == set(get_args(sessions.BetaManagedAgentsSessionEventType))
    assert len(EVENT_TYPES) == len(set(EVENT_TYPES))


def test_dream_statuses():
    assert set(dreams.STATUSES) == set(get_args(beta.BetaDreamStatus))


def test_delta_types():
    assert set(DELTA_TYPES) == set(get_args(beta.BetaManagedAgentsDeltaType))


def test_inbound_union():
    theirs = {typing.get_type_hints(member)["type"] for member in get_args(sessions.BetaManagedAgentsEventParams)}
    ours = {member.model_fields["type"].annotation for member in get_args(get_args(events.EventParams)[0])}
    assert {get_args(kind)[0] for kind in ours} == {get_args(strip(kind))[0] for kind in theirs}


def strip(annotation: Any) -> Any:
    """The type inside `Required[…]`."""
    return annotation if typing.get_origin(annotation) is typing.Literal else get_args(annotation)[0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lists.AgentList, agent_list_params.AgentListParams),
        (lists.PageQuery, version_list_params.VersionListParams),
        (lists.EnvironmentList, environment_list_params.EnvironmentListParams),
        (lists.SessionList, session_list_params.SessionListParams),
        (lists.EventList, event_list_params.EventListParams),
        (lists.ThreadList, thread_list_params.ThreadListParams),
    ],
)
def test_list_parameters(ours, theirs):
    names = {"created_at" if name.startswith("created_at") else name for name in fields(theirs)}
    assert set(ours.__dataclass_fields__) == names


def test_stream_parameters():
    assert fields(event_stream_params.EventStreamParams) == {"event_deltas"}
