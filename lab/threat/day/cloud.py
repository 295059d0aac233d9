"""Lines of identity providers and clouds: Okta, Entra ID, Microsoft 365, CloudTrail. One JSON object each."""

import json

from day.company import DOMAIN
from day.windows import hash_of, moment

TENANT = "2f7b9c31-1d0a-4e55-9c0f-8a1d6f3b2e40"


def unique(*parts):
    number = format(hash_of("/".join(map(str, parts))), "016x")
    return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-9a0c-{number[4:16]}"


def okta(time, kind, who, place, address, target=(), result="SUCCESS", reason=None, browser=None, proxy=False, debug=None, said="-"):
    """An event of Okta's System Log. `who` is a person, or a name and number of something that is none."""
    city, country, latitude, longitude, _, number, operator = place
    agent, system, name = browser or who.browser
    return json.dumps({
        "uuid": unique(time, kind, who.upn), "published": moment(time), "eventType": kind, "version": "0", "severity": "INFO", "legacyEventType": None,
        "displayMessage": said, "actor": {"id": who.okta, "type": "User", "alternateId": who.upn, "displayName": who.name, "detailEntry": None},
        "client": {
            "userAgent": {"rawUserAgent": agent, "os": system, "browser": name}, "zone": "null", "device": "Computer", "id": None, "ipAddress": address,
            "geographicalContext": {"city": city, "state": None, "country": country, "postalCode": None, "geolocation": {"lat": latitude, "lon": longitude}},
        },
        "device": None, "authenticationContext": {"authenticationStep": 0, "externalSessionId": "idx" + format(hash_of(f"{who.sam}{int(time) // 30000}"), "x")},
        "outcome": {"result": result, "reason": reason}, "target": list(target), "transaction": {"type": "WEB", "id": unique(time), "detail": {}},
        "debugContext": {"debugData": debug or {"requestUri": "/idp/idx/identify", "url": "/idp/idx/identify?"}},
        "securityContext": {"asNumber": number, "asOrg": operator, "isp": operator, "domain": ".", "isProxy": proxy},
        "request": {"ipChain": [{"ip": address, "geographicalContext": {"city": city, "country": country}, "version": "V4", "source": None}]},
    })


def okta_user(who):
    return {"id": who.okta, "type": "User", "alternateId": who.upn, "displayName": who.name, "detailEntry": None}


def okta_thing(kind, name, **more):
    return {"id": f"0oa{hash_of(name) % 10**12:012d}", "type": kind, "alternateId": more.get("alternate", "unknown"), "displayName": name, "detailEntry": None}


def entra_sign_in(time, who, place, address, application, error=0, reason="Other.", browser=None, details=None, device=None):
    """A sign-in as Graph has it."""
    city, country, latitude, longitude, _, number, _ = place
    _, system, name = browser or who.browser
    codes = {"United Kingdom": "GB", "Portugal": "PT", "Italy": "IT", "United States": "US", "Germany": "DE", "Netherlands": "NL"}
    return json.dumps({
        "id": unique(time, who.sam), "createdDateTime": moment(time, 0), "userDisplayName": who.name, "userPrincipalName": who.upn, "userId": who.entra,
        "appId": unique(application), "appDisplayName": application, "ipAddress": address, "clientAppUsed": "Browser", "isInteractive": True,
        "correlationId": unique("c", time, who.sam), "conditionalAccessStatus": "success" if error == 0 else "notApplied", "riskDetail": "none",
        "riskLevelAggregated": "none", "riskLevelDuringSignIn": "none", "riskState": "none", "riskEventTypes": [], "riskEventTypes_v2": [],
        "resourceDisplayName": "Microsoft Graph", "autonomousSystemNumber": number, "authenticationRequirement": "multiFactorAuthentication",
        "status": {"errorCode": error, "failureReason": reason, "additionalDetails": details},
        "deviceDetail": {"deviceId": unique(who.workstation) if device is None else device, "displayName": who.workstation if device is None else "",
                         "operatingSystem": system, "browser": name, "isCompliant": device is None, "isManaged": device is None, "trustType": ""},
        "location": {"city": city, "state": "", "countryOrRegion": codes.get(country, "GB"), "geoCoordinates": {"altitude": None, "latitude": latitude, "longitude": longitude}},
        "appliedConditionalAccessPolicies": [],
    })


def entra_audit(time, activity, by, address, target, category="UserManagement", changes=(), service="Core Directory", kind="User", reason=""):
    """An audit record as Graph has it. `target` is a person, or the name of something else."""
    named = {"id": target.entra, "displayName": target.name, "userPrincipalName": target.upn} if hasattr(target, "upn") else {"id": unique(target), "displayName": target}
    return json.dumps({
        "id": f"Directory_{unique(time, activity)}", "category": category, "correlationId": unique("a", time), "result": "success", "resultReason": reason,
        "activityDisplayName": activity, "activityDateTime": moment(time), "loggedByService": service, "operationType": "Update",
        "initiatedBy": {"app": None, "user": {"id": by.entra, "displayName": None, "userPrincipalName": by.upn, "ipAddress": address}},
        "targetResources": [named | {"type": kind, "groupType": None, "modifiedProperties": [dict(zip(("displayName", "oldValue", "newValue"), change)) for change in changes]}],
        "additionalDetails": [],
    })


def office(time, operation, who, address, workload, record, **more):
    """A record of Microsoft 365's unified audit log."""
    return json.dumps({
        "CreationTime": moment(time, 0)[:-1], "Id": unique(time, operation, who.sam), "Operation": operation, "OrganizationId": TENANT, "RecordType": record,
        "ResultStatus": "Succeeded", "UserKey": who.entra, "UserType": 0, "Version": 1, "Workload": workload, "ClientIP": address, "UserId": who.upn,
    } | more)


def shared_file(time, operation, who, address, path):
    folder, _, name = path.rpartition("/")
    site = f"https://{DOMAIN.split('.')[0]}.sharepoint.com/sites/{who.department.replace(' ', '')}"
    more = {"ObjectId": f"{site}/Shared Documents/{path}", "SiteUrl": f"{site}/", "SourceFileName": name, "SourceRelativeUrl": f"Shared Documents/{folder}"}
    more |= {"SourceFileExtension": name.rpartition(".")[2], "ItemType": "File", "EventSource": "SharePoint", "UserAgent": who.browser[0]}
    return office(time, operation, who, address, "SharePoint", 6, **more)


def amazon(time, name, source, principal, address, request=None, agent="aws-sdk-go/1.55 (go1.23; linux; amd64)", error=None):
    identity = {"type": "AssumedRole", "principalId": f"AROAEXAMPLE:{principal}", "arn": f"arn:aws:sts::210987654321:assumed-role/{principal}/session", "accountId": "210987654321"}
    identity |= {"sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::210987654321:role/{principal}", "userName": principal}}}
    record = {"eventVersion": "1.09", "userIdentity": identity, "eventTime": moment(time, 0), "eventSource": f"{source}.amazonaws.com", "eventName": name}
    record |= {"awsRegion": "eu-west-2", "sourceIPAddress": address, "userAgent": agent, "requestParameters": request, "responseElements": None}
    record |= {"requestID": unique("r", time), "eventID": unique("e", time, name), "readOnly": name.startswith(("Get", "Describe", "List")), "eventType": "AwsApiCall"}
    return json.dumps(record | ({"errorCode": error} if error else {}) | {"managementEvent": True, "recipientAccountId": "210987654321", "eventCategory": "Management"})
