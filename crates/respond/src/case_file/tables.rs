//! Tables of the incident file.

/// `fact_version` is append-only; the newest version of a fact is what holds now. `clock` is a law that an incident falls under,
/// `clock_stop` what was done about one of its duties. `case_value` is what people filled in. `draft_fact` are the versions of facts that a
/// draft was made of, `letter_fact` those that one went out with. Actors are JSON, times milliseconds since 1970.
pub(crate) const SCHEMA: &str = "
    create table fact (
        id integer primary key,
        incident integer not null,
        system text not null,
        class text not null,
        version integer not null,
        unique (incident, system, class)
    ) strict;
    create table fact_version (
        fact integer not null references fact (id),
        version integer not null,
        answer text not null,
        evidence text not null,
        reference text,
        set_by text not null,
        time integer not null,
        primary key (fact, version)
    ) strict, without rowid;
    create table fact_approval (
        fact integer not null,
        version integer not null,
        actor text not null,
        time integer not null,
        primary key (fact, version, actor),
        foreign key (fact, version) references fact_version (fact, version)
    ) strict, without rowid;
    create table clock (
        incident integer not null,
        jurisdiction text not null,
        aware integer not null,
        determined integer,
        actor text not null,
        recorded integer not null,
        primary key (incident, jurisdiction)
    ) strict, without rowid;
    create table clock_stop (
        incident integer not null,
        jurisdiction text not null,
        duty text not null,
        outcome text not null,
        time integer not null,
        why text,
        reference text,
        actor text not null,
        recorded integer not null,
        primary key (incident, jurisdiction, duty),
        foreign key (incident, jurisdiction) references clock (incident, jurisdiction)
    ) strict, without rowid;
    create table case_value (
        incident integer not null,
        name text not null,
        value text not null,
        actor text not null,
        time integer not null,
        primary key (incident, name)
    ) strict, without rowid;
    create table draft (
        id integer primary key,
        incident integer not null,
        kind text not null,
        state text not null,
        text text not null,
        to_fill text not null,
        actor text not null,
        made integer not null,
        sent integer
    ) strict;
    create index draft_incident on draft (incident, id);
    create table draft_fact (
        draft integer not null references draft (id),
        fact integer not null references fact (id),
        version integer not null,
        primary key (draft, fact)
    ) strict, without rowid;
    create table draft_approval (
        draft integer not null references draft (id),
        actor text not null,
        time integer not null,
        primary key (draft, actor)
    ) strict, without rowid;
    create table letter_fact (
        fact integer not null references fact (id),
        letter integer not null references draft (id),
        version integer not null,
        primary key (fact, letter)
    ) strict, without rowid;
";
