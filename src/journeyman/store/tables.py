"""The tables. Bodies are JSON text, rendered once as the wire shows them; columns exist where a query needs them.

Times are integer microseconds since the epoch. Every resource carries its workspace.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()

# C collation: ids are compared byte for byte, so that their order is the order of their making.
_Id = String(64).with_variant(String(64, collation="C"), "postgresql")
# Paths are compared byte for byte too.
_Path = String(1024).with_variant(String(1024, collation="C"), "postgresql")

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

agents = Table(
    "agents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index("agents_by_workspace", "workspace_id", "id"),
)

agent_versions = Table(
    "agent_versions",
    metadata,
    Column("agent_id", _Id, ForeignKey("agents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index("environments_by_workspace", "workspace_id", "id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("agent_id", _Id, nullable=False),
    Column("agent_version", Integer, nullable=False),
    Column("environment_id", _Id, nullable=False),
    Column("deployment_id", _Id),
    Column("thread_id", _Id, nullable=False),
    Column("title", Text),
    Column("metadata", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("usage", Text, nullable=False),
    Column("active_us", BigInteger, nullable=False),
    Column("running_since", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    # The log's end, what clients have sent, what the owner has looked at, who owns it, when to wake it,
    # which process owns it, and on which host its sandbox is.
    Column("head", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("inbox_seq", BigInteger, nullable=False),
    Column("seen_seq", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("owner", _Id),
    Column("host", _Id),
    Column("resources", Text),
    Column("vault_ids", Text),
    # What its sandbox has in /mnt/session/outputs, and the files that became of it.
    Column("outputs", Text),
    Column("budget", Text),
    # What its agent's skills were when it was made.
    Column("skills", Text),
    # The outcomes that were defined, as the wire shows them.
    Column("outcomes", Text),
    # The dream that it runs.
    Column("dream_id", _Id),
    Index("sessions_by_owner", "owner"),
    Index("sessions_by_workspace", "workspace_id", "id"),
    Index("sessions_by_agent", "workspace_id", "agent_id", "id"),
    Index("sessions_by_status", "status"),
)

# The processes of one database: those that work may own sessions for as long as they are heard of.
owners = Table(
    "owners",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("host", _Id, nullable=False),
    Column("works", Boolean, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
)

threads = Table(
    "threads",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("session_id", _Id, ForeignKey("sessions.id"), nullable=False),
    Column("parent_thread_id", _Id),
    Column("agent", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("usage", Text),
    Column("active_us", BigInteger, nullable=False),
    Column("running_since", BigInteger),
    Column("startup_us", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    # The workflow run that made it.
    Column("workflow_run_id", _Id),
    Index("threads_by_session", "session_id", "id"),
)

events = Table(
    "events",
    metadata,
    Column("session_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("id", _Id, nullable=False),
    Column("type", String(48), nullable=False),
    Column("thread_id", _Id),
    Column("shown", Boolean, nullable=False),
    Column("processed_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("private", Text),
    Index("events_by_id", "session_id", "id", unique=True),
)

inbox = Table(
    "inbox",
    metadata,
    Column("session_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("id", _Id, nullable=False),
    Column("type", String(48), nullable=False),
    Column("body", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("processed_at", BigInteger),
    # The traceparent of the request that brought it.
    Column("trace", Text),
)

# A session's file has the session as its scope; without a blob its bytes have expired.
files = Table(
    "files",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("filename", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("blob", String(255)),
    Column("downloadable", Integer, nullable=False),
    Column("scope_id", _Id),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Index("files_by_workspace", "workspace_id", "id"),
    Index("files_by_scope", "scope_id", "id"),
    Index("files_by_blob", "blob"),
    Index("files_by_expiry", "expires_at"),
)

vaults = Table(
    "vaults",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index("vaults_by_workspace", "workspace_id", "id"),
)

# `auth` is what is shown of a credential; what is secret in it is sealed, and gone with its archiving.
credentials = Table(
    "credentials",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("vault_id", _Id, ForeignKey("vaults.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("display_name", Text),
    Column("metadata", Text, nullable=False),
    Column("auth", Text, nullable=False),
    Column("sealed", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index("credentials_by_vault", "vault_id", "id"),
)

# The newest version is the one that `latest` means. A skill without any is known to the early dialect only.
skills = Table(
    "skills",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("name", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("latest_id", _Id),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("skills_by_workspace", "workspace_id", "id"),
)

skill_versions = Table(
    "skill_versions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("skill_id", _Id, ForeignKey("skills.id"), nullable=False),
    Column("description", Text, nullable=False),
    Column("blob", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("skill_versions_by_skill", "skill_id", "id"),
    Index("skill_versions_by_blob", "blob"),
)

# `changes` counts what happens to a store's memories; a memory has the number of its last change.
memory_stores = Table(
    "memory_stores",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
    Index("memory_stores_by_workspace", "workspace_id", "id"),
)

memories = Table(
    "memories",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("store_id", _Id, ForeignKey("memory_stores.id"), nullable=False),
    Column("path", _Path, nullable=False),
    Column("content", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("version_id", _Id, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("memories_by_path", "store_id", "path", unique=True),
)

memory_versions = Table(
    "memory_versions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("store_id", _Id, ForeignKey("memory_stores.id"), nullable=False),
    Column("memory_id", _Id, nullable=False),
    Column("operation", String(16), nullable=False),
    Column("path", _Path),
    Column("content", Text),
    Column("sha256", String(64)),
    Column("size", Integer),
    Column("actor", String(32), nullable=False),
    Column("actor_id", _Id, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("redacted_at", BigInteger),
    Column("redacted_by", _Id),
    Index("memory_versions_by_store", "store_id", "id"),
    Index("memory_versions_by_memory", "memory_id", "id"),
)

# What of a store a session's sandbox has: the content, and the size and time of the file that holds it.
mounted_memories = Table(
    "mounted_memories",
    metadata,
    Column("session_id", _Id, primary_key=True),
    Column("store_id", _Id, primary_key=True),
    Column("path", _Path, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

# A dream is open until nothing of it runs any more (`stopped_at`), which is later than its end where it was cut.
dreams = Table(
    "dreams",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("workspace_id", _Id, nullable=False),
    Column("store_id", _Id, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("in_place", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("instructions", Text),
    Column("status", String(16), nullable=False),
    Column("session_id", _Id),
    Column("output_id", _Id),
    # How long each transcript was when the dream began.
    Column("heads", Text),
    # What it has used, once that is settled; until then its session's log tells.
    Column("usage", Text),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("began_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("stopped_at", BigInteger),
    Column("archived_at", BigInteger),
    Index("dreams_by_workspace", "workspace_id", "id"),
    Index("dreams_open", "id", postgresql_where=text("stopped_at IS NULL"), sqlite_where=text("stopped_at IS NULL")),
)
