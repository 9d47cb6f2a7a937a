"""The program's own book-keeping beside the organisation's records."""

from __future__ import annotations

from features.records.columns import Column, Kind, Nature, Sensitivity, Table

TEXT, INTEGER, NUMBER, FLAG, MOMENT, BYTES = (
    Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.FLAG, Kind.MOMENT, Kind.BYTES,
)  # fmt: skip
PERSONAL = Sensitivity.PERSONAL
SYSTEM = Nature.SYSTEM

PERSON = Column("employee_id", TEXT, "the person", sensitivity=PERSONAL, required=True)
QUESTION = Column("question", TEXT, "skills, recommendation, attrition or impact", required=True)
MODEL = Column("model_digest", TEXT, "payload digest of the model that answered", required=True)

SYSTEM_TABLES: dict[str, Table] = {table.name: table for table in (
    Table("imports", "A file that was imported whole.", SYSTEM, ("import_id",), (
        Column("import_id", TEXT, "names the import", required=True),
        Column("kind", TEXT, "what kind of file", required=True),
        Column("file_name", TEXT, "its name", required=True),
        Column("content_digest", TEXT, "SHA-256 of its bytes", required=True),
        Column("finished_at", MOMENT, "when it was kept", required=True),
        Column("accepted", INTEGER, "rows kept", required=True),
        Column("duplicates", INTEGER, "rows that stood there already", required=True),
        Column("quarantined", INTEGER, "rows put aside", required=True),
        Column("known_at_rule", TEXT, "column, happened or import", required=True),
    )),
    Table("quarantine", "Something received that could not be understood yet; never lost.", SYSTEM, ("source", "content_digest"), (
        Column("source", TEXT, "file or interface it came through", required=True),
        Column("line", INTEGER, "line of the file"),
        Column("content_digest", TEXT, "SHA-256 of the payload", required=True),
        Column("payload", TEXT, "as received", sensitivity=PERSONAL, required=True),
        Column("reason", TEXT, "why", required=True),
        Column("received_at", MOMENT, "when", required=True),
    )),
    Table("statements", "An xAPI statement as received, byte for value.", SYSTEM, ("statement_id",), (
        Column("statement_id", TEXT, "its id, or a hash of its content where it has none", required=True),
        Column("content_digest", TEXT, "SHA-256 of the canonical content", required=True),
        Column("payload", TEXT, "as received", sensitivity=PERSONAL, required=True),
        Column("received_at", MOMENT, "when", required=True),
        Column("authority", TEXT, "name of the API client it came through; empty where a file brought it"),
    ), (("authority", "received_at"),)),
    Table("identities", "A person's identifier elsewhere.", SYSTEM, ("issuer", "identifier"), (
        Column("issuer", TEXT, "home page or system that issued it", required=True),
        Column("identifier", TEXT, "the identifier there", sensitivity=PERSONAL, required=True),
        PERSON,
    )),
    Table("scim_resources", "A user or a group as the identity provider keeps it.", SYSTEM, ("resource_type", "resource_id"), (
        Column("resource_type", TEXT, "User or Group", required=True),
        Column("resource_id", TEXT, "its id here", required=True),
        Column("unique_name", TEXT, "userName as it is compared", sensitivity=PERSONAL),
        Column("employee_id", TEXT, "the person a user is", sensitivity=PERSONAL),
        Column("version", INTEGER, "counts its changes", required=True),
        Column("created_at", MOMENT, "when it was created", required=True),
        Column("modified_at", MOMENT, "when it was last changed", required=True),
        Column("payload", TEXT, "the resource as JSON", sensitivity=PERSONAL, required=True),
    ), (("resource_type", "unique_name"), ("employee_id",))),
    Table("ended_access", "A person whose account is deactivated: what acts for them is refused.", SYSTEM, ("employee_id",), (
        PERSON, Column("at", MOMENT, "since when", required=True),
    )),
    Table("pull_positions", "How far another system has been read.", SYSTEM, ("source",), (
        Column("source", TEXT, "kind and address of what is read", required=True),
        Column("position", TEXT, "where to go on, as JSON", required=True),
        Column("at", MOMENT, "when it was read last", required=True),
    )),
    Table("embeddings", "The vector of a text under a model.", SYSTEM, ("model_id", "content_hash"), (
        Column("model_id", TEXT, "embedding model and precision", required=True),
        Column("content_hash", TEXT, "SHA-256 of the text", required=True),
        Column("vector", BYTES, "float32, little endian", required=True),
    )),
    Table("kept_scores", "A person's model scores, kept so that a request reads one row.", SYSTEM,
          ("question", "employee_id", "model_digest"), (
        QUESTION, PERSON, MODEL,
        Column("as_of", MOMENT, "what the scores saw", required=True),
        Column("computed_at", MOMENT, "when", required=True),
        Column("payload", BYTES, "the question's own packing of candidates and scores", sensitivity=PERSONAL, required=True),
    ), (("question", "model_digest"),)),
    Table("recommendations_shown", "What an answer showed, and to whom.", SYSTEM, ("recommendation_id",), (
        Column("recommendation_id", TEXT, "the answer", required=True),
        PERSON, MODEL, Column("shown_at", MOMENT, "when", required=True),
        Column("first_rank", INTEGER, "rank of the first course; the others follow", required=True),
        Column("items", TEXT, "JSON: course_id, score 0-1 and propensity (probability that it was shown there, 0-1) of each", required=True),
        Column("arm", TEXT, "arm of the experiment the person was in; empty without one"),
        Column("shadows", TEXT, "JSON: what other policies (by their name) and a shadow (by model: and its digest) would have shown; empty without any"),
    ), (("employee_id",),)),
    Table("audit", "Who read whose score, when, for which purpose; each row carries the hash of the one before.", SYSTEM,
          ("sequence",), (
        Column("sequence", INTEGER, "1, 2, 3 …", required=True),
        Column("at", MOMENT, "when", required=True),
        Column("actor", TEXT, "key or token that asked", required=True),
        Column("action", TEXT, "operation id", required=True),
        Column("subject", TEXT, "the person asked about; empty once they were erased", sensitivity=PERSONAL, required=True),
        Column("subject_salt", TEXT, "random; empty once the person was erased"),
        Column("subject_digest", TEXT, "SHA-256 over salt and subject: stays, so that the chain holds"),
        Column("purpose", TEXT, "as declared", required=True),
        Column("model_digest", TEXT, "model that answered"),
        Column("previous_hash", TEXT, "hash of the row before", required=True),
        Column("row_hash", TEXT, "SHA-256 over this row (of its subject the digest) and the hash before", required=True),
    ), (("actor", "at"), ("subject",))),
    Table("api_keys", "A caller's key; only its hash is kept.", SYSTEM, ("prefix",), (
        Column("prefix", TEXT, "first characters, for look-up", required=True),
        Column("key_hash", TEXT, "SHA-256 of the key", required=True),
        Column("name", TEXT, "who holds it", required=True),
        Column("scopes", TEXT, "blank-separated", required=True),
        Column("employee_id", TEXT, "the person it acts for, where it does", sensitivity=PERSONAL),
        Column("created_at", MOMENT, "when", required=True),
        Column("expires_at", MOMENT, "until when; empty means no end"),
        Column("revoked_at", MOMENT, "since when it is void"),
    )),
    Table("idempotent_answers", "A finished POST, to be answered again in the same words.", SYSTEM, ("idempotency_key", "actor"), (
        Column("idempotency_key", TEXT, "as sent", required=True),
        Column("actor", TEXT, "who sent it", required=True),
        Column("request_digest", TEXT, "SHA-256 of route and body", required=True),
        Column("status", INTEGER, "HTTP status; 0 while running", required=True),
        Column("answer", TEXT, "body", sensitivity=PERSONAL, required=True),
        Column("at", MOMENT, "when", required=True),
    )),
    Table("attrition_reviews", "A person looked at an attrition score and said what they think.", SYSTEM, ("review_id",), (
        Column("review_id", TEXT, "the review", required=True),
        PERSON, MODEL,
        Column("status", TEXT, "agree, override, or used_for", required=True, allowed=("agree", "override", "used_for")),
        Column("reason", TEXT, "in words; of used_for, for what", required=True),
        Column("actor", TEXT, "who reviewed", required=True),
        Column("at", MOMENT, "when", required=True),
    ), (("employee_id",),)),
    Table("programme_plans", "The plan of a training programme as it was declared before the start; never changed.", SYSTEM,
          ("programme_id",), (
        Column("programme_id", TEXT, "the programme", required=True),
        Column("digest", TEXT, "SHA-256 of the plan as canonical JSON", required=True),
        Column("plan", TEXT, "JSON: question, population, design, expected effect, dates", required=True),
        Column("terms", TEXT, "JSON: costs and what a unit of the KPI is worth, as declared", required=True),
        Column("declared_at", MOMENT, "when", required=True),
        Column("declared_by", TEXT, "key or token that declared it", required=True),
    )),
    Table("objections", "A person objected to being scored.", SYSTEM, ("employee_id",), (
        PERSON, Column("at", MOMENT, "when", required=True), Column("reason", TEXT, "in words"),
    )),
    Table("switches", "A setting changed while running (attrition on or off).", SYSTEM, ("name",), (
        Column("name", TEXT, "the switch", required=True),
        Column("is_on", FLAG, "true where on", required=True),
        Column("actor", TEXT, "who turned it", required=True),
        Column("at", MOMENT, "when", required=True),
    )),
)}  # fmt: skip
