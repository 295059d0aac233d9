"""What a run shows: when it was told, what was kept, what was done, how much there was to read."""

import collections
import datetime

GRAVE = ("medium", "high", "critical")
PAGE = 200
# Of a quiet group's settings: news about one thing are told so often at most, and what nobody acknowledged again so often.
UPDATE_EVERY, REPEAT_EVERY = 300.0, 3600.0


def unix(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def pages(site, what, *more):
    """All of a list, page by page."""
    found = []
    while True:
        before = ("--before", found[-1]["id"]) if found else ()
        page = site.ask(what, "list", "--most", PAGE, *more, *before)[what]
        found += page
        if len(page) < PAGE:
            return found


class Judge:
    """Compares what the daemon has with which line is of which stage; the daemon knows nothing of that."""

    def __init__(self, site, player, attack_lines):
        self.site, self.player, self.attack_lines = site, player, attack_lines
        self.stages = {round(time, 3): stage for time, _, _, stage in attack_lines}
        self.begins = {}
        for time, _, _, stage in attack_lines:
            self.begins[stage] = min(time, self.begins.get(stage, time))
        every = sorted(pages(site, "alerts", "--parts"), key=lambda alert: alert["id"])
        # What guards told is told of logs, too, where it completes a story.
        self.others = [alert for alert in every if alert["layer"] != "threat" or alert["facts"].get("rule") == "guard"]
        self.alerts = [alert for alert in every if alert not in self.others]
        self.actions = pages(site, "actions")
        self.incidents = pages(site, "incidents")
        self.notices = site.ask("notices", "list", "--last", 500)["notices"]
        self.stories = [story for story in site.ask("threat", "stories")["stories"] if story["told"] is not None]

    def stage_of(self, alert):
        """The stage of the line that an alert was made of last; none if that is an ordinary one."""
        return self.stages.get(round(unix(alert["time"]), 3))

    def report(self):
        attacked = [alert for alert in self.alerts if self.stage_of(alert) is not None]
        ordinary = [alert for alert in self.alerts if self.stage_of(alert) is None]
        seen = {self.stage_of(alert) for alert in attacked} | self.in_stories()
        return {
            "told_at": self.told_at(attacked),
            "first_alert_at_stage": self.stage_of(attacked[0]) if attacked else None,
            "stages_in_logs": sorted(self.begins),
            "stages_seen": sorted(seen),
            "stages_missed": sorted(set(self.begins) - seen),
            "pins": self.pins(),
            "actions": dict(collections.Counter(f"{action['do']}, {action['state']}" for action in self.actions)),
            "to_read": self.to_read(attacked),
            "ordinary_told": [f"{alert['severity']} {alert['kind']}: {alert['title']}" for alert in ordinary],
            "stories_told": len(self.stories),
            "incidents": len(self.incidents),
            "alerts": [self.line(alert) for alert in self.alerts],
            "lag_seconds_max": self.lag(),
            "feeder_behind_seconds_max": round(self.player.behind, 2),
            "daemon_processor_seconds": round(self.site.processor_seconds(), 1),
            "daemon_peak_mib": self.site.resident_mib(),
        }

    def line(self, alert):
        """An alert in a line; what is none of its own in lists has a `+` before it, what was new in it after it."""
        line = f"{alert['time'][11:19]} stage {self.stage_of(alert) or '-'} {alert['severity']} {alert['kind']} x{alert['count']}: {alert['title']}"
        new = alert["facts"].get("new")
        return ("+ " if "part_of" in alert else "") + line + (f" [{new}]" if new else "")

    def in_stories(self):
        """Stages with a line that is among the findings of a told story."""
        seconds = collections.defaultdict(set)
        for time, stage in self.stages.items():
            seconds[int(time)].add(stage)
        return {stage for story in self.stories for each in story["stages"] for when in (each["first"], each["last"]) for stage in seconds.get(when, ())}

    def told_at(self, attacked):
        """By which stage people were told that it is an attack: its number, and how many stages had begun."""
        for alert in attacked:
            if alert["kind"].endswith("attack"):
                time = unix(alert["time"])
                return {"stage": self.stage_of(alert), "stages_begun": sum(begun <= time for begun in self.begins.values()), "title": alert["title"]}
        return None

    def pins(self):
        """Of each disk, the first and the last restore point that policies made before the encryption began."""
        if not self.player.encrypted:
            return {}
        when = {alert["id"]: alert for alert in self.alerts}
        found = collections.defaultdict(list)
        for action in self.actions:
            if action["do"] == "pin" and action["state"] == "done" and action.get("alert") in when and unix(action["ended"]) < self.player.encrypted:
                alert = when[action["alert"]]
                stage = self.stage_of(alert)
                begun = [number for number, time in self.begins.items() if time <= unix(alert["time"])]
                moment = {"stage": stage if stage is not None else f"after {max(begun, default=0)}", "simulated_minutes_before": round((self.player.encrypted_at - unix(alert["time"])) / 60, 1)}
                found[action["volume"]].append(moment | {"real_seconds_before": round(self.player.encrypted - unix(action["ended"]), 1)})
        return {volume: {"first": max(each, key=lambda pin: pin["real_seconds_before"]), "last": min(each, key=lambda pin: pin["real_seconds_before"])} for volume, each in found.items()}

    def to_read(self, attacked):
        """Lines up to the first overwritten block: alerts of at least medium that are lines of their own in lists, and notices; those as they would be at the speed of the clock."""
        end = self.player.encrypted_at or float("inf")
        every = [alert for alert in self.alerts if alert["severity"] in GRAVE and unix(alert["time"]) < end]
        alerts = [alert for alert in every if "part_of" not in alert]
        told = next((alert["id"] for alert in attacked if alert["kind"].endswith("attack")), None)
        return {
            "alerts": len(alerts),
            "of_the_attack": sum(self.stage_of(alert) is not None for alert in alerts),
            "added_to_those": len(every) - len(alerts),
            "until_told": sum(told is None or alert["id"] <= told for alert in alerts),
            "notices_sent_at_this_speed": len(self.notices),
            "notices_if_acknowledged_at_once": self.notices_expected(every),
            "alerts_of_guards": len(self.others),
        }

    def notices_expected(self, alerts):
        """At the speed of the clock: one about each incident, and one whenever it gets worse."""
        worst, count = {}, 0
        for alert in alerts:
            if alert["severity"] in ("high", "critical"):
                grade = GRAVE.index(alert["severity"])
                count += grade > worst.get(alert.get("incident"), -1)
                worst[alert.get("incident")] = max(grade, worst.get(alert.get("incident"), -1))
        return count

    def lag(self):
        """How long after its line was written an alert's first action was done, at most."""
        when = {alert["id"]: alert for alert in self.alerts}
        lags = []
        for action in self.actions:
            alert = when.get(action.get("alert"))
            if alert is not None and alert["count"] == 1 and action.get("ended"):
                lags.append(unix(action["ended"]) - self.player.written(unix(alert["time"])))
        return round(max(lags, default=0.0), 2)
