"""Every table of the organisation's records, each column spelled once.

The schema, the readers, the HTTP records and the documentation are all derived from here.
Rows are named by the callers' own text identifiers; inside, each row also has an integer ``id``.
"""

from __future__ import annotations

from features.records.columns import Column, Kind, Nature, Sensitivity, Table

TEXT, INTEGER, NUMBER, FLAG, MOMENT = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.FLAG, Kind.MOMENT
PUBLIC, PERSONAL, PROTECTED = Sensitivity.PUBLIC, Sensitivity.PERSONAL, Sensitivity.PROTECTED

LEVEL = "proficiency level 0-5"
EMPLOYMENT_TYPES = ("permanent", "temporary", "contractor", "intern")
EXIT_REASONS = ("voluntary", "involuntary", "retirement", "other")
EVIDENCE_SOURCES = ("assessed", "manager", "peer", "inferred", "self")
EVENT_KINDS = (
    "assigned", "shown", "clicked", "enrolled", "started", "progressed", "completed",
    "passed", "failed", "rated", "withdrawn", "expired", "dismissed",
)  # fmt: skip
MODALITIES = (
    "online",
    "classroom",
    "blended",
    "workshop",
    "mentoring",
    "simulation",
    "on_the_job",
    "reading",
)
SKILL_RELATIONS = ("broader", "related", "essential", "optional")
PROGRAMME_DESIGNS = ("randomised", "offer", "staggered", "observational")
PROGRAMME_ARMS = ("trained", "offered", "comparison")
EVALUATION_STAGES = ("reaction", "behaviour")
EVALUATION_RATERS = ("employee", "manager")

EMPLOYEE = Column("employee_id", TEXT, "the person, as the HRIS knows them", sensitivity=PERSONAL, required=True,
                  refers_to="employees.employee_id")  # fmt: skip
SPELL = Column(
    "spell", INTEGER, "1 for the first employment of the person, 2 after a rehire …", required=True, low=1
)
HAPPENED = Column("happened_at", MOMENT, "when it was so in the world", unit="UTC", required=True)
KNOWN = Column("known_at", MOMENT, "when the organisation could know it", unit="UTC", required=True)
COURSE = Column("course_id", TEXT, "the course, as the LMS knows it", sensitivity=PUBLIC, required=True,
                refers_to="courses.course_id")  # fmt: skip
JOB = Column("job_id", TEXT, "the job (role), as the HRIS knows it", sensitivity=PUBLIC, required=True,
             refers_to="jobs.job_id")  # fmt: skip
SKILL = Column("skill_id", TEXT, "the skill", sensitivity=PUBLIC, required=True, refers_to="skills.skill_id")


def public(name: str, kind: Kind, meaning: str, unit: str = "", **rest: object) -> Column:
    """Spell a column about things, never about a person."""
    return Column(name, kind, meaning, unit, PUBLIC, **rest)  # type: ignore[arg-type]


PEOPLE = (
    Table("employees", "One employment spell of one person.", Nature.ENTITY, ("employee_id", "spell"), (
        Column("employee_id", TEXT, "the person, as the HRIS knows them", sensitivity=PERSONAL, required=True),
        SPELL,
        Column("hired_at", MOMENT, "first day of the spell", unit="UTC", required=True),
        Column("employment_type", TEXT, "kind of contract", allowed=EMPLOYMENT_TYPES),
        Column("display_name", TEXT, "name shown to the person and their manager", sensitivity=PERSONAL),
        Column("known_at", MOMENT, "when the organisation could know it", unit="UTC", required=True),
    )),
    Table("job_history", "What held for a spell from a day on, until the next row.", Nature.FACT, ("employee_id", "spell"), (
        EMPLOYEE, SPELL, HAPPENED, KNOWN, JOB,
        Column("department", TEXT, "organisational unit"),
        Column("manager_id", TEXT, "employee_id of the manager", sensitivity=PERSONAL),
        Column("location", TEXT, "place of work"),
        Column("pay_amount", NUMBER, "gross pay for full time", unit="pay_currency per year", sensitivity=PERSONAL, low=0),
        Column("pay_currency", TEXT, "ISO 4217 code, three capital letters"),
        Column("hours_per_week", NUMBER, "contracted hours", unit="hours per week", low=0, high=168),
        Column("fte_share", NUMBER, "full-time equivalent", unit="share 0-1", low=0, high=1),
        Column("rating", NUMBER, "last performance rating", unit="1-5", sensitivity=PERSONAL, low=1, high=5),
        Column("is_on_leave", FLAG, "true while on leave; the person has not left"),
        Column("employment_type", TEXT, "kind of contract from this day", allowed=EMPLOYMENT_TYPES),
        Column("commute_minutes", NUMBER, "one way to work", unit="minutes", low=0),
        Column("overtime_hours", NUMBER, "paid and unpaid overtime", unit="hours per week", low=0),
    ), (("manager_id",), ("happened_at",))),
    Table("exits", "A spell ended.", Nature.FACT, ("employee_id", "spell"), (
        EMPLOYEE, SPELL, HAPPENED, KNOWN,
        Column("reason_class", TEXT, "why, in four classes", required=True, allowed=EXIT_REASONS, sensitivity=PERSONAL),
        Column("reason_text", TEXT, "why, as written down", sensitivity=PERSONAL),
        Column("is_regretted", FLAG, "true where the organisation would have kept the person", sensitivity=PERSONAL),
    )),
    Table("surveys", "One person's answer to one item of an engagement survey.", Nature.FACT, ("employee_id", "item"), (
        EMPLOYEE, HAPPENED, KNOWN,
        Column("item", TEXT, "what was asked, as a short name (engagement, satisfaction …)", required=True),
        Column("value", NUMBER, "the answer", unit="scale_low-scale_high", required=True, sensitivity=PERSONAL),
        Column("scale_low", NUMBER, "lowest possible answer; 1 where empty"),
        Column("scale_high", NUMBER, "highest possible answer; 5 where empty"),
    )),
    Table("outcomes", "One measurement of one KPI for one person.", Nature.FACT, ("employee_id", "kpi"), (
        EMPLOYEE, HAPPENED, KNOWN,
        Column("kpi", TEXT, "what was measured", required=True),
        Column("value", NUMBER, "the measurement", unit="unit", required=True, sensitivity=PERSONAL),
        Column("unit", TEXT, "unit of the value"),
    ), (("kpi",),)),
    Table("held_skills", "Evidence that a person holds a skill at a level.", Nature.FACT, ("employee_id", "skill_id", "source"), (
        EMPLOYEE, SKILL, HAPPENED, KNOWN,
        Column("level", NUMBER, "how well", unit=LEVEL, required=True, low=0, high=5),
        Column("source", TEXT, "where the evidence comes from", required=True, allowed=EVIDENCE_SOURCES),
        Column("evidence", TEXT, "what was seen: test, certificate, review …"),
    )),
    Table("goals", "A goal of a person's development plan.", Nature.FACT, ("employee_id", "goal_id"), (
        EMPLOYEE, Column("goal_id", TEXT, "the goal", required=True), HAPPENED, KNOWN,
        Column("title", TEXT, "the goal in words"),
        Column("target_job_id", TEXT, "the job aimed at", refers_to="jobs.job_id"),
        Column("skill_id", TEXT, "the skill aimed at", refers_to="skills.skill_id"),
        Column("target_level", NUMBER, "the level aimed at", unit=LEVEL, low=0, high=5),
        Column("due_at", MOMENT, "until when", unit="UTC"),
    )),
)  # fmt: skip

LEARNING = (
    Table("courses", "Any learning item: course, workshop, mentoring, simulation and the like.", Nature.ENTITY, ("course_id",), (
        public("course_id", TEXT, "the course, as the LMS knows it", required=True),
        public("title", TEXT, "its name", required=True),
        public("description", TEXT, "what it teaches, in words"),
        public("url", TEXT, "where it is taken"),
        public("provider", TEXT, "who offers it"),
        public("level", NUMBER, "level a learner reaches", LEVEL, low=0, high=5),
        public("hours", NUMBER, "time it takes", "hours", low=0),
        public("modality", TEXT, "how it is taught", allowed=MODALITIES),
        public("language", TEXT, "BCP 47 code"),
        public("cost_amount", NUMBER, "price for one person", "cost_currency", low=0),
        public("cost_currency", TEXT, "ISO 4217 code, three capital letters"),
        public("valid_from", MOMENT, "first day it may be taken", "UTC"),
        public("valid_until", MOMENT, "first day it may no longer be taken", "UTC"),
        public("certificate_valid_days", INTEGER, "after so many days a completion expires", "days", low=1),
        public("eligibility", TEXT, "who may take it, as a comma-separated list of departments; empty means all"),
    )),
    Table("course_skills", "A course teaches a skill up to a level.", Nature.ENTITY, ("course_id", "skill_id"), (
        COURSE, SKILL,
        public("level", NUMBER, "level reached by who completes it", LEVEL, low=0, high=5),
        public("source", TEXT, "given (by the catalogue), extracted (from the text), validated or rejected (by a person)",
               allowed=("given", "extracted", "validated", "rejected")),
        public("confidence", NUMBER, "how sure", "share 0-1", low=0, high=1),
    ), (("skill_id",),)),
    Table("course_prerequisites", "A course asks for another one first.", Nature.ENTITY, ("course_id", "prerequisite_id"), (
        COURSE, public("prerequisite_id", TEXT, "the course to complete first", required=True, refers_to="courses.course_id"),
    )),
    Table("sessions", "A dated run of a course.", Nature.ENTITY, ("session_id",), (
        public("session_id", TEXT, "the run", required=True), COURSE,
        public("starts_at", MOMENT, "first day", "UTC", required=True),
        public("ends_at", MOMENT, "last day", "UTC"),
        public("capacity", INTEGER, "seats", "people", low=0),
        public("location", TEXT, "where"),
    ), (("course_id",),)),
    Table("learning_events", "Something a person did with a course, or was shown.", Nature.FACT, ("event_id",), (
        Column("event_id", TEXT, "names the event; a second copy is a duplicate", required=True),
        EMPLOYEE, COURSE,
        Column("kind", TEXT, "what happened", required=True, allowed=EVENT_KINDS),
        HAPPENED, KNOWN,
        Column("score_share", NUMBER, "result", unit="share 0-1", low=0, high=1),
        Column("progress_share", NUMBER, "how far", unit="share 0-1", low=0, high=1),
        Column("rating", NUMBER, "the learner's rating", unit="1-5", low=1, high=5),
        Column("hours", NUMBER, "time spent", unit="hours", low=0),
        Column("reason", TEXT, "why dismissed or withdrawn"),
        Column("snoozed_until", MOMENT, "a dismissal that ends then; empty means lasting", unit="UTC"),
        Column("recommendation_id", TEXT, "the answer that showed it"),
        Column("session_id", TEXT, "the run it belongs to"),
    ), (("employee_id", "happened_at"), ("course_id",))),
    Table("assignments", "Somebody asked a person to take a course.", Nature.FACT, ("employee_id", "course_id"), (
        EMPLOYEE, COURSE, HAPPENED, KNOWN,
        Column("is_mandatory", FLAG, "true where it must be done", required=True),
        Column("due_at", MOMENT, "until when", unit="UTC"),
        Column("assigned_by_id", TEXT, "employee_id of who asked (a manager's nomination)", sensitivity=PERSONAL),
    )),
    Table("programmes", "A training programme with its question, declared before it starts.", Nature.ENTITY, ("programme_id",), (
        public("programme_id", TEXT, "the programme", required=True),
        public("title", TEXT, "its name"),
        public("course_id", TEXT, "the course it consists of", refers_to="courses.course_id"),
        public("kpi", TEXT, "the outcome it should move"),
        public("population", TEXT, "who it is for, in words"),
        public("design", TEXT, "how the comparison is made", allowed=PROGRAMME_DESIGNS),
        public("expected_effect", NUMBER, "the effect hoped for", "unit of the KPI"),
        public("starts_at", MOMENT, "first day", "UTC"),
        public("ends_at", MOMENT, "last day", "UTC"),
        public("declared_at", MOMENT, "when this was written down", "UTC"),
    )),
    Table("programme_members", "A person's part in a training programme.", Nature.FACT, ("programme_id", "employee_id"), (
        public("programme_id", TEXT, "the programme", required=True, refers_to="programmes.programme_id"),
        EMPLOYEE, HAPPENED, KNOWN,
        Column("arm", TEXT, "trained, offered, or comparison", required=True, allowed=PROGRAMME_ARMS),
    )),
    Table("evaluations", "One answer about a course: how it was found, or whether the skill shows at work later.", Nature.FACT,
          ("employee_id", "course_id", "stage", "rater"), (
        EMPLOYEE, COURSE, HAPPENED, KNOWN,
        Column("stage", TEXT, "reaction: at its end; behaviour: at work, some time later", required=True,
               allowed=EVALUATION_STAGES),
        Column("rater", TEXT, "who answers about the person: themselves, or their manager", required=True,
               allowed=EVALUATION_RATERS),
        Column("rated_by_id", TEXT, "employee_id of the manager who answered", sensitivity=PERSONAL),
        Column("rating", NUMBER, "how good it was, or how far the skill shows at work", unit="1-5", sensitivity=PERSONAL,
               low=1, high=5),
        Column("comment", TEXT, "in the rater's own words", sensitivity=PERSONAL),
        Column("skill_id", TEXT, "the skill that was looked at", sensitivity=PUBLIC, refers_to="skills.skill_id"),
        Column("goal_id", TEXT, "the goal of the development plan that it belongs to"),
    ), (("course_id",),)),
)  # fmt: skip

WORK = (
    Table("jobs", "A job (role), or an occupation of a public taxonomy.", Nature.ENTITY, ("job_id",), (
        public("job_id", TEXT, "the job, as the HRIS knows it", required=True),
        public("title", TEXT, "its name", required=True),
        public("description", TEXT, "responsibilities and qualifications, in words"),
        public("family", TEXT, "group of similar jobs"),
        public("grade", NUMBER, "seniority within the organisation", low=0),
        public("location", TEXT, "where it is done"),
        public("taxonomy", TEXT, "organisation, esco or onet", allowed=("organisation", "esco", "onet")),
        public("code", TEXT, "code in the taxonomy: ISCO group or O*NET-SOC"),
    )),
    Table("job_aliases", "Another title of a job.", Nature.ENTITY, ("job_id", "alias", "language"), (
        JOB, public("alias", TEXT, "the other title", required=True), public("language", TEXT, "BCP 47 code", required=True),
    )),
    Table("job_tasks", "A task done in a job.", Nature.ENTITY, ("task_id",), (
        public("task_id", TEXT, "the task", required=True), JOB,
        public("statement", TEXT, "the task in words", required=True),
        public("task_type", TEXT, "core or supplemental"),
    ), (("job_id",),)),
    Table("job_relations", "From one job people move to, or resemble, another.", Nature.ENTITY, ("job_id", "related_id"), (
        JOB, public("related_id", TEXT, "the other job", required=True, refers_to="jobs.job_id"),
        public("tier", TEXT, "how close, as the source says"),
        public("rank", INTEGER, "1 is closest", low=1),
    )),
    Table("job_skills", "A job requires a skill at a level.", Nature.ENTITY, ("job_id", "skill_id"), (
        JOB, SKILL,
        public("level", NUMBER, "level required", LEVEL, low=0, high=5),
        public("importance", NUMBER, "weight in the job", "share 0-1", low=0, high=1),
        public("source", TEXT, "given, linked (through a taxonomy) or extracted (from the text)",
               allowed=("given", "linked", "extracted", "validated", "rejected")),
        public("required_from", MOMENT, "a future profile holds from then on", "UTC"),
    ), (("skill_id",),)),
    Table("skills", "A skill, knowledge or competence.", Nature.ENTITY, ("skill_id",), (
        public("skill_id", TEXT, "the skill (a URI in public taxonomies)", required=True),
        public("name", TEXT, "preferred label", required=True),
        public("description", TEXT, "what it means"),
        public("taxonomy", TEXT, "organisation, esco or onet", allowed=("organisation", "esco", "onet")),
        public("skill_type", TEXT, "skill/competence, knowledge, technology …"),
        public("reuse_level", TEXT, "transversal, cross-sector, sector-specific, occupation-specific"),
    )),
    Table("skill_aliases", "Another name of a skill.", Nature.ENTITY, ("skill_id", "alias", "language"), (
        SKILL, public("alias", TEXT, "the other name", required=True), public("language", TEXT, "BCP 47 code", required=True),
    )),
    Table("skill_relations", "How two skills hang together.", Nature.ENTITY, ("skill_id", "related_id", "relation"), (
        SKILL, public("related_id", TEXT, "the other skill or skill group", required=True, refers_to="skills.skill_id"),
        public("relation", TEXT, "broader: related_id is the wider one", required=True, allowed=SKILL_RELATIONS),
    )),
    Table("strategic_priorities", "The organisation wants more of a skill.", Nature.ENTITY, ("skill_id", "valid_from"), (
        SKILL, public("weight", NUMBER, "how much", "share 0-1", required=True, low=0, high=1),
        public("valid_from", MOMENT, "first day", "UTC", required=True), public("valid_until", MOMENT, "last day", "UTC"),
    )),
)  # fmt: skip

PROTECTED_TABLES = (
    Table("protected_attributes", "A protected attribute of a person; read by the fairness report alone.", Nature.ENTITY,
          ("employee_id", "attribute"), (
        EMPLOYEE,
        Column("attribute", TEXT, "sex, birth_year, ethnicity, disability …", required=True, sensitivity=PROTECTED),
        Column("value", TEXT, "as declared; absent means unknown", required=True, sensitivity=PROTECTED),
    )),
)  # fmt: skip

IMPORTABLE: dict[str, Table] = {table.name: table for table in PEOPLE + LEARNING + WORK + PROTECTED_TABLES}
