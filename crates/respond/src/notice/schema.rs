//! Tables of notices.

/// Tables of this part: `notice_topic` has the things that groups are told of, `notice` the messages, `notice_way` the ways that
/// take nothing at present, `notice_rate` how many messages a group got of late, `notice_cursor` up to where records were looked
/// through for answers.
pub(crate) const SCHEMA: &str = "
    create table notice_topic (
        id integer primary key,
        subject text not null,
        group_name text not null,
        about text not null,
        news text not null,
        severity integer not null,
        opened integer not null,
        told_severity integer,
        told integer,
        steps integer not null default 0,
        step_time integer,
        news_since integer,
        acknowledged integer,
        acknowledged_by text,
        acknowledged_told integer not null default 0,
        closed integer,
        closed_told integer not null default 0,
        next integer,
        unique (subject, group_name)
    ) strict;
    create index notice_topic_next on notice_topic (group_name, next) where next is not null;
    create index notice_topic_opened on notice_topic (opened);
    create table notice_rate (
        group_name text primary key,
        since integer not null,
        told integer not null,
        bundled integer
    ) strict;
    create table notice_cursor (sequence integer not null) strict;
    insert into notice_cursor (sequence) values (0);
    create table notice (
        id integer primary key autoincrement,
        topic integer,
        first integer,
        subject text not null,
        telling text not null,
        group_name text not null,
        way text not null,
        name text not null,
        address text not null,
        severity integer not null,
        title text not null,
        content text not null,
        created integer not null,
        state text not null,
        attempts integer not null default 0,
        next integer,
        until integer not null,
        sent integer,
        answer text
    ) strict;
    create index notice_due on notice (way, next) where state = 'waiting';
    create index notice_left on notice (state, id) where state <> 'sent';
    create index notice_subject on notice (subject, id);
    create index notice_recipient on notice (way, name, id);
    create index notice_thread on notice (topic, way, name) where topic is not null;
    create index notice_created on notice (created);
    create table notice_way (
        name text primary key,
        fails integer not null,
        next integer not null,
        answer text not null
    ) strict;
";
