//! Lines as the vendors' documentation and public parsers' samples show them.

use super::super::text::testing::{line, source, told};

#[test]
fn a_fortigate_tells_sign_ins_by_vpn_and_to_itself() {
    let up = line(
        r#"date=2022-05-21 time=14:06:38 devname="FG500" devid="FG5H" eventtime=1653134913959078891 tz="+0300" logid="0101039424" type="event" subtype="vpn" level="information" vd="root" logdesc="SSL VPN tunnel up" action="tunnel-up" tunneltype="ssl-web" tunnelid=462105151 remip=13.29.5.4 user="anna" reason="login successfully" msg="SSL tunnel established""#,
    );
    assert_eq!(source(&up), "fortigate/event/-");
    assert_eq!(
        told(&up),
        "SignIn Success by=anna to= on=fg500 from=13.29.5.4 with=SSL VPN tunnel up"
    );
    assert_eq!(up.time.to_string(), "2022-05-21T12:08:33.959078891Z");
    let failed = line(
        r#"<185>date=2022-05-21 time=14:06:38 tz="+0300" devname="FG500" logid="0101039426" type="event" subtype="vpn" action="ssl-login-fail" remip=13.29.5.4 user="anna" reason="sslvpn_login_permission_denied""#,
    );
    assert_eq!(
        told(&failed),
        "SignIn Failure by=anna to= on=fg500 from=13.29.5.4 with="
    );
    assert_eq!(failed.time.to_string(), "2022-05-21T11:06:38Z");
    let admin = line(
        r#"<190>May 13 11:20:54 fw01 date=2016-06-17 time=02:37:41 devname=fw01 devid=FGT logid=0100032002 type=event subtype=system level=alert vd="root" logdesc="Admin login failed" sn=0 user="root" ui=ssh(222.186.130.227) action=login status=failed reason="name_invalid""#,
    );
    assert_eq!(
        told(&admin),
        "SignIn Failure by=root to= on=fw01 from=222.186.130.227 with=Admin login failed"
    );
}

#[test]
fn a_fortigate_tells_what_was_changed_on_it_in_the_fields_that_rules_use() {
    let event = line(
        r#"date=2026-03-01 time=09:03:03 devname=fw01 devid=FGT logid=0100044547 type=event subtype=system level=information vd="root" logdesc="Object attribute configured" user="admin" ui="GUI(4.3.5.8)" action=Add cfgtid=1 cfgpath="system.admin" cfgobj="evil" cfgattr="accprofile[super_admin]""#,
    );
    assert_eq!(
        told(&event),
        "AccountCreation Success by=admin to=evil on=fw01 from=4.3.5.8 with=Add system.admin evil"
    );
    assert_eq!(
        (&event.fields["action"], &event.fields["cfgpath"]),
        (&"Add".into(), &"system.admin".into())
    );
}

#[test]
fn an_asa_tells_sign_ins_of_anyconnect_and_their_failures() {
    let cases = [
        (
            "<166>Jun 22 2022 13:29:11 single : %ASA-6-113039: Group <GroupPolicy Remote-VPN> User <first.o'last@example.com> IP <81.2.69.144> AnyConnect parent session started.",
            "SignIn Success by=first.o'last@example.com to= on=single from=81.2.69.144 with=",
        ),
        (
            "Oct 10 2018 12:34:56 localhost CiscoASA[999]: %ASA-6-113039: Group VPN_USERS User example.user IP 67.43.156.14 AnyConnect parent session started.",
            "SignIn Success by=example.user to= on=localhost from=67.43.156.14 with=",
        ),
        (
            "<166>Jun 22 2022 13:29:11 fw : %ASA-6-113005: AAA user authentication Rejected : reason = Invalid password : server = 10.0.0.2 : user = anna : user IP = 81.2.69.144",
            "SignIn Failure by=anna to= on=fw from=81.2.69.144 with=",
        ),
        (
            "%ASA-6-605005: Login permitted from 192.168.0.1/11 to outside:192.168.0.2/ssh for user \"anna\"",
            "SignIn Success by=anna to= on= from=192.168.0.1 with=",
        ),
        (
            "%ASA-6-113006: User anna locked out on exceeding number successive failed authentication attempts",
            "AccountState Success by= to=anna on= from= with=",
        ),
        (
            "%ASA-5-111008: User 'anna' executed the 'no logging enable' command.",
            "Process Success by=anna to= on= from= with=no logging enable",
        ),
    ];
    for (text, expected) in cases {
        let event = line(text);
        assert_eq!(source(&event), "cisco/asa/-");
        assert_eq!(told(&event), expected, "{text}");
    }
}

#[test]
fn palo_altos_globalprotect_tells_sign_ins_in_both_of_its_logs() {
    let portal = line(
        r#"<14>Oct  1 08:02:11 PA-3220 1,2026/10/01 08:02:11,016201004321,GLOBALPROTECT,0,2817,2026/10/01 08:02:10,vsys1,portal-auth,login,SAML,,anna@acme.example,IL,LT-0412,203.0.113.24,0.0.0.0,0.0.0.0,0.0.0.0,6c1f,PF3K9Z2A,6.2.4,Microsoft Windows,"Microsoft Windows 11 Enterprise , 64-bit",1,,,"Client region: IL, Login from: 203.0.113.24.",failure,,0,,0,Portal,7412"#,
    );
    assert_eq!(source(&portal), "paloalto/globalprotect/-");
    assert_eq!(
        told(&portal),
        "SignIn Failure by=anna@acme.example to= on=pa-3220 from=203.0.113.24 with=portal-auth"
    );
    assert_eq!(portal.facts.place.country.as_deref(), Some("IL"));
    assert_eq!(portal.facts.device.as_deref(), Some("LT-0412"));
    assert_eq!(portal.time.to_string(), "2026-10-01T08:02:10Z");
    let legacy = line(
        r#"1,2016/02/24 21:45:08,0072,SYSTEM,globalprotect,0,2016/02/24 21:40:52,,globalprotectgateway-auth-succ,VPN-GW-N,0,0,general,informational,"GlobalProtect gateway user authentication succeeded. Login from: 216.113.183.230, User name: user3, Auth type: profile",641953,0x8"#,
    );
    assert_eq!(
        told(&legacy),
        "SignIn Success by=user3 to= on= from=216.113.183.230 with=globalprotectgateway-auth-succ"
    );
}

#[test]
fn openvpn_tells_peers_and_failed_passwords() {
    let cases = [
        (
            "Jul 21 18:31:19 fw01 openvpn[76395]: 200.200.200.200:17777 [chapolin] Peer Connection Initiated with [AF_INET]200.200.200.200:17777",
            "SignIn Success by=chapolin to= on=fw01 from=200.200.200.200 with=",
        ),
        (
            "Aug 30 16:08:29 foo ovpn-server[107]: 192.168.178.1 [admin] Peer Connection Initiated with [AF_INET6]::ffff:192.168.178.1:44902",
            "SignIn Success by=admin to= on=foo from=192.168.178.1 with=",
        ),
        (
            "Jul 21 18:31:19 fw01 openvpn[76395]: 200.200.200.200:17777 TLS Auth Error: Auth Username/Password verification failed for peer",
            "SignIn Failure by= to= on=fw01 from=200.200.200.200 with=",
        ),
    ];
    for (text, expected) in cases {
        let event = line(text);
        assert_eq!(source(&event), "openvpn/-/-");
        assert_eq!(told(&event), expected, "{text}");
    }
}
