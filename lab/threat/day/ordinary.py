"""What an ordinary day leaves in the logs: people first. Nothing here knows a rule.

Who comes, from where, with which typos; travel, lost phones, lockouts, the help desk, who joins and who leaves.
"""

import random

from day import cloud, hosts
from day.company import ABROAD, OFFICE
from day.machines import Machines
from day.windows import Windows

HOUR = 3600.0
APPLICATIONS = ["Office 365", "Workday", "ServiceNow", "Zoom", "Slack", "Salesforce", "Concur", "Confluence", "Jira", "Till Reports"]
SERVICES = [("HTTPS", 443)] * 6 + [("DNS", 53), ("QUIC", 443), ("HTTP", 80), ("NTP", 123)]
FILES = "xlsx docx pptx pdf csv jpg".split()
FOLDERS = ["Reports", "Ranges/Spring", "Budgets", "Suppliers", "Rotas", "Policies", "Photos", "Meetings", "Leases"]
SEARCHES = (
    "holiday form,rota week 48,christmas opening hours,supplier contacts,expenses policy,vpn instructions,budget template,org chart,brand guidelines,store list,"
    "returns policy,pension,parking permit,black friday plan,price file,planogram,delivery slots,fire drill,first aid,canteen menu,timesheet,maternity leave,"
    "cash office,shrinkage report,margin report,lease renewal,social media calendar,press release,training matrix,induction pack,printer,meeting room,wifi guest,"
    "purchase order template,invoice 20311,customer complaints,courier contract,energy bills,uniform order,gift cards"
).split(",")


class Day:
    """One day's lines: `lines` has time, stream and text of each."""

    def __init__(self, company, seed, number, midnight, share=1.0, windows=None):
        self.company, self.number, self.midnight, self.share = company, number, midnight, share
        self.chance = random.Random(f"day {seed} {number}")
        self.windows = windows or Windows()
        self.lines = []
        self.is_weekend = number % 7 in (5, 6)
        self.controllers = company.of_kind("dc")

    def at(self, hours):
        return self.midnight + hours * HOUR

    def put(self, time, stream, line):
        self.lines.append((time, stream, line))

    def some(self, mean):
        """How often something happens that happens so often on a whole day of everybody."""
        return max(0, round(self.chance.gauss(mean * self.share, (mean * self.share) ** 0.5 / 2)))

    def make(self):
        people = [who for who in self.company.people if self.chance.random() < (0.08 if self.is_weekend else 0.86) * max(self.share, 0.3)]
        abroad = set(self.chance.sample(range(30, 500), 4))
        for who in people:
            self.person(who, self.chance.choice(ABROAD) if who.number in abroad else None)
        if not self.is_weekend:
            self.help_desk()
            self.staff_changes()
            self.self_service(people)
        self.stale_password()
        Machines(self).make()
        self.lines.sort(key=lambda line: line[0])
        return self.lines

    def person(self, who, abroad):
        """Comes, signs in with or without a typo, works, goes."""
        chance = self.chance
        begin = self.at(min(max(chance.gauss(8.9, 0.7), 5.5), 13.0))
        end = max(begin + 2 * HOUR, self.at(chance.gauss(17.4, 0.9)))
        is_remote = abroad is not None or chance.random() < 0.35
        place = abroad or (who.place if is_remote else OFFICE)
        address = abroad[4].format(20 + who.number % 200, 7 + who.number % 240) if abroad else who.address if is_remote else OFFICE[4].format(10 + who.number % 8)
        inner = f"10.20.200.{10 + who.number % 240}" if is_remote else who.office
        if is_remote:
            if chance.random() < 0.05:
                self.put(begin - 40, "fortigate", hosts.tunnel(begin - 40, "ssl-login-fail", who.sam, address))
            self.put(begin, "fortigate", hosts.tunnel(begin, "tunnel-up", who.sam, address, tunnelip=inner))
            self.put(end, "fortigate", hosts.tunnel(end, "tunnel-down", who.sam, address, duration=int(end - begin)))
        self.traffic(inner, begin, end)
        self.okta(who, place, address, begin + 60, end)
        self.directory(who, inner, begin, end)
        self.office(who, place, address, begin, end)

    def traffic(self, address, begin, end):
        """What passes the firewall."""
        chance = self.chance
        for _ in range(self.some(180)):
            time, (service, port) = chance.uniform(begin, end), chance.choice(SERVICES)
            to = f"{chance.choice([13, 20, 52, 104, 142, 151])}.{chance.randrange(250)}.{chance.randrange(250)}.{chance.randrange(1, 250)}"
            self.put(time, "fortigate", hosts.traffic(time, address, to, service, port, chance.randrange(400, 90000), chance.randrange(900, 900000)))

    def okta(self, who, place, address, begin, end):
        chance = self.chance
        say = lambda time, kind, **more: self.put(time, "okta", cloud.okta(time, kind, who, place, address, **more))
        for number in range(chance.choice([1, 1, 2]) if chance.random() < 0.07 else 0):
            say(begin - 20 + number * 8, "user.session.start", result="FAILURE", reason="INVALID_CREDENTIALS", said="User login to Okta")
        factor = cloud.okta_thing("AuthenticatorEnrollment", "Okta Verify")
        if chance.random() < 0.006:
            say(begin + 5, "user.mfa.okta_verify.deny_push", target=[cloud.okta_user(who)], said="User rejected Okta push verify")
            say(begin + 5.2, "user.authentication.auth_via_mfa", target=[cloud.okta_user(who), factor], result="FAILURE", reason="FACTOR_VERIFICATION_FAILED")
        say(begin + 12, "user.authentication.auth_via_mfa", target=[cloud.okta_user(who), factor], debug={"factor": "OKTA_VERIFY_PUSH"}, said="Authentication of user via MFA")
        say(begin + 13, "user.session.start", target=[], said="User login to Okta")
        say(begin + 13.1, "policy.evaluate_sign_on", result="ALLOW", reason="Sign-on policy evaluation resulted in ALLOW", said="Evaluation of sign-on policy")
        for _ in range(1 + self.some(chance.randrange(4, 14))):
            time = chance.uniform(begin + 20, end)
            application = cloud.okta_thing("AppInstance", chance.choice(APPLICATIONS))
            say(time, "user.authentication.sso", target=[application, cloud.okta_thing("AppUser", who.name, alternate=who.upn)], said="User single sign on to app")

    def directory(self, who, address, begin, end):
        """Tickets from controllers, and sign-ins to the servers that one works with."""
        chance, account = self.chance, (who.sam, who.sid)
        controller = self.controllers[who.number % 2]
        if chance.random() < 0.07:
            for number in range(chance.choice([1, 1, 1, 2, 3])):
                self.put(begin - 30 + number * 7, "windows", self.windows.no_ticket(begin - 30 + number * 7, controller, account, address))
        self.put(begin, "windows", self.windows.ticket(begin, controller, account, address))
        own = [self.company.of_kind("file")[who.number % 4], self.company.of_kind("app")[who.number % 12], self.company.of_kind("app")[(who.number * 5 + 1) % 12]]
        for _ in range(1 + self.some(chance.randrange(30, 110))):
            time, machine = chance.uniform(begin, end), chance.choice([*own, own[0], controller])
            service = f"{machine.name}$" if chance.random() < 0.8 else f"MSSQLSvc/{chance.choice(self.company.of_kind('sql')).fqdn}:1433"
            self.put(time, "windows", self.windows.ticket(time, controller, account, address, service))
            self.put(time + 0.4, "windows", self.windows.sign_in(time + 0.4, machine, account, 3, address))

    def office(self, who, place, address, begin, end):
        """Mail, files, searches, meetings."""
        chance = self.chance
        for _ in range(1 + self.some(3)):
            time = chance.uniform(begin, end)
            application = chance.choice(["Office365 Shell WCSS-Client", "Microsoft Teams", "Microsoft Office", "Outlook Mobile", "SharePoint Online Web Client Extensibility"])
            self.put(time, "entra", cloud.entra_sign_in(time, who, place, address, application))
        if chance.random() < 0.03:
            self.put(begin + 30, "entra", cloud.entra_sign_in(begin + 30, who, place, address, "Microsoft Office", 50126, "Error validating credentials due to invalid username or password."))
        for _ in range(1 + self.some(chance.randrange(15, 110))):
            time = chance.uniform(begin, end)
            path = f"{chance.choice(FOLDERS)}/{chance.choice(['plan', 'sheet', 'notes', 'draft', 'minutes'])} {chance.randrange(400)}.{chance.choice(FILES)}"
            self.put(time, "office", self.document(time, who, address, path))
        if chance.random() < 0.006:
            more = {"Parameters": [{"Name": "Name", "Value": "Newsletters"}, {"Name": "SubjectContainsWords", "Value": "newsletter"}, {"Name": "MoveToFolder", "Value": "Newsletters"}]}
            self.put(begin + 900, "office", cloud.office(begin + 900, "New-InboxRule", who, address, "Exchange", 1, ObjectId=f"{who.upn}\\Newsletters", **more))

    def document(self, time, who, address, path):
        chance = self.chance.random()
        if chance < 0.35:
            more = {"MailboxOwnerUPN": who.upn, "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}], "ClientInfoString": "Client=OWA;"}
            return cloud.office(time, "MailItemsAccessed", who, address, "Exchange", 50, **more)
        if chance < 0.40:
            return cloud.office(time, "SearchQueryPerformed", who, address, "SharePoint", 4, SearchQueryText=self.chance.choice(SEARCHES), EventSource="SharePoint")
        if chance < 0.46:
            return cloud.office(time, "MessageSent", who, address, "MicrosoftTeams", 25, ChatThreadId="19:meeting@thread.v2", CommunicationType="OneOnOne")
        kinds = ["FileAccessed", "FileAccessed", "FileModified", "FilePreviewed", "FileDownloaded", "FileSyncDownloadedFull", "FileUploaded"]
        return cloud.shared_file(time, self.chance.choice(kinds), who, address, path)

    def help_desk(self):
        """Passwords that were forgotten, telephones that are new, accounts that are locked. All of it after a call, by agents in the office."""
        chance, agents = self.chance, self.company.of_role("help-desk")
        staff = self.company.of_role("staff")
        for _ in range(self.some(4)):
            time, agent, who = self.at(chance.uniform(8.2, 17)), chance.choice(agents), chance.choice(staff)
            address = OFFICE[4].format(10 + agent.number % 8)
            self.put(time, "okta", cloud.okta(time, "user.account.reset_password", agent, OFFICE, address, target=[cloud.okta_user(who)], said="Fired when the user's Okta password is reset"))
            time += chance.uniform(60, 900)
            self.put(time, "okta", cloud.okta(time, "user.account.update_password", who, who.place, who.address, target=[cloud.okta_user(who)], said="User update password for Okta"))
            # Who has lost the telephone and forgotten the password is rare: about once in six weeks.
            if chance.random() < 0.008:
                self.new_phone(time + chance.uniform(30, 600), agent, who)
        for _ in range(self.some(1.5)):
            self.new_phone(self.at(chance.uniform(8.2, 17)), chance.choice(agents), chance.choice(staff))
        for _ in range(self.some(9)):
            self.locked_out(self.at(chance.uniform(7.5, 17)), chance.choice(agents), chance.choice(staff))

    def new_phone(self, time, agent, who):
        """The agent takes the old factor away, the person enrols the new telephone and signs in."""
        factor = cloud.okta_thing("AuthenticatorEnrollment", "Okta Verify")
        address, own = OFFICE[4].format(10 + agent.number % 8), who.address
        self.put(time, "okta", cloud.okta(time, "user.mfa.factor.reset_all", agent, OFFICE, address, target=[cloud.okta_user(who)], said="Reset all factors for user"))
        time += self.chance.uniform(120, 1500)
        self.put(time, "okta", cloud.okta(time, "user.mfa.factor.activate", who, who.place, own, target=[cloud.okta_user(who), factor], said="Activate factor or authenticator enrollment method for user"))
        self.put(time + 20, "okta", cloud.okta(time + 20, "user.session.start", who, who.place, own, said="User login to Okta"))

    def locked_out(self, time, agent, who):
        controller, account = self.controllers[0], (who.sam, who.sid)
        for number in range(self.chance.randrange(5, 9)):
            self.put(time + number * 9, "windows", self.windows.no_ticket(time + number * 9, controller, account, who.office))
        by = (f"{controller.name}$", "S-1-5-18")
        self.put(time + 90, "windows", self.windows.account(time + 90, controller, 4740, by, account, TargetDomainName=who.workstation))
        time += self.chance.uniform(200, 1800)
        actor = (agent.sam, agent.sid)
        self.put(time, "windows", self.windows.account(time, controller, 4767, actor, account))
        if self.chance.random() < 0.5:
            self.put(time + 30, "windows", self.windows.account(time + 30, controller, 4724, actor, account))
            self.put(time + 31, "windows", self.windows.account(time + 31, controller, 4738, actor, account, PasswordLastSet="%%1794", UserAccountControl="-"))

    def self_service(self, people):
        """New telephones and passwords that people see to themselves."""
        for who in self.chance.sample(people, min(len(people), self.some(6))):
            time, factor = self.at(self.chance.uniform(8, 18)), cloud.okta_thing("AuthenticatorEnrollment", "Okta Verify")
            for number, kind in enumerate(["user.mfa.factor.deactivate", "user.mfa.factor.activate"]):
                moment = time + number * 140
                self.put(moment, "okta", cloud.okta(moment, kind, who, who.place, who.address, target=[cloud.okta_user(who), factor]))
        for who in self.chance.sample(people, min(len(people), self.some(5))):
            time = self.at(self.chance.uniform(8, 18))
            self.put(time, "windows", self.windows.account(time, self.controllers[0], 4723, (who.sam, who.sid), (who.sam, who.sid)))
            line = cloud.entra_audit(time + 70, "User registered security info", who, who.address, who, service="Authentication Methods", reason="User registered Authenticator App with Notification and Code")
            self.put(time + 70, "entra", line)

    def staff_changes(self):
        """Two join, one leaves."""
        chance, agent = self.chance, self.chance.choice(self.company.of_role("help-desk"))
        actor, address = (agent.sam, agent.sid), OFFICE[4].format(10 + agent.number % 8)
        controller = self.controllers[0]
        for number in range(self.some(2)):
            who, time = self.company.people[479 - (self.number * 2 + number) % 150], self.at(chance.uniform(8.5, 11))
            account = (who.sam, who.sid)
            for step, event in enumerate([4720, 4722, 4724, 4738]):
                self.put(time + step, "windows", self.windows.account(time + step, controller, event, actor, account, SamAccountName=who.sam, UserAccountControl="-"))
            group = {"TargetUserName": f"GG-{who.department}", "TargetSid": f"{who.sid[:-4]}3001", "MemberName": f"CN={who.name},OU=Staff", "MemberSid": who.sid}
            self.put(time + 20, "windows", self.windows.account(time + 20, controller, 4728, actor, account, **group))
            for step, kind in enumerate(["user.lifecycle.create", "user.lifecycle.activate", "group.user_membership.add"]):
                moment = time + 300 + step * 15
                self.put(moment, "okta", cloud.okta(moment, kind, agent, OFFICE, address, target=[cloud.okta_user(who)]))
            later = time + chance.uniform(1800, 7200)
            self.put(later, "okta", cloud.okta(later, "user.mfa.factor.activate", who, OFFICE, address, target=[cloud.okta_user(who)]))
            self.put(time + 400, "entra", cloud.entra_audit(time + 400, "Add member to group", agent, address, who, category="GroupManagement"))
        for number in range(self.some(1)):
            who, time = self.company.people[499 - self.number % 20], self.at(chance.uniform(16, 17.5))
            self.put(time, "windows", self.windows.account(time, controller, 4725, actor, (who.sam, who.sid)))
            self.put(time + 30, "okta", cloud.okta(time + 30, "user.lifecycle.deactivate", agent, OFFICE, address, target=[cloud.okta_user(who)]))

    def stale_password(self):
        """A telephone that still has last week's password tries on all day."""
        who = self.company.people[60 + self.number * 3 % 300]
        for number in range(self.some(36)):
            time = self.at(7 + number * 0.31)
            self.put(time, "windows", self.windows.refused(time, self.company.of_kind("app")[0], who.sam, f"10.20.210.{who.number % 240}"))
