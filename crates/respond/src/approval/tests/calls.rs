//! What single calls do and refuse.

use super::people::{add, at, ledger, person, root, wish};
use crate::approval::{
    self, Approvers, CODE_BYTES, Code, Filter, Operation, Pass, Permission, RequestId, RequestState, Rule, Rules, Seals,
};
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::{Actor, Role};
use crate::{Ledger, Page};

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

fn on(folder: &tempfile::TempDir) -> Ledger {
    let mut ledger = ledger(folder);
    ledger
        .write(|w| approval::enable(w, at(0), &root(), &Rules::default()))
        .unwrap();
    ledger
}

/// Asks and has enough others approve.
fn approved(w: &mut Writing<'_>, second: i64, wish: &approval::Wish) -> RequestId {
    let id = approval::ask(w, at(second), &person("ann"), wish).unwrap();
    approval::approve(w, at(second), &person("bob"), id, "fine").unwrap();
    id
}

#[test]
fn approvals_need_two_administrators_and_rules_that_somebody_can_fulfil() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let none = refusal(ledger.write(|w| approval::enable(w, at(0), &root(), &Rules::default())));
    assert!(
        none.starts_with("approvals need two people, and there is nobody with the role `admin`"),
        "{none}"
    );
    let one = refusal(ledger.write(|w| {
        add(w, "ann", Role::Admin);
        approval::enable(w, at(0), &root(), &Rules::default())
    }));
    assert!(one.contains("there is only `ann` with the role `admin`"), "{one}");
    ledger
        .write(|w| {
            add(w, "ann", Role::Admin);
            add(w, "bob", Role::Admin);
            let mut rules = Rules::default();
            rules.0.insert(
                Operation::DeleteVolume,
                Rule {
                    quorum: 2,
                    ..Rule::default()
                },
            );
            let many = refusal(approval::enable(w, at(0), &root(), &rules));
            assert!(
                many.contains("delete-volume: 2 people may approve it, and a quorum of 2 needs at least 3"),
                "{many}"
            );
            rules.0.clear();
            let open = refusal(approval::enable(w, at(0), &root(), &rules));
            assert!(
                open.starts_with("`change-approvals` has to be among the rules"),
                "{open}"
            );
            approval::enable(w, at(0), &root(), &Rules::default())
        })
        .unwrap();
    assert!(approval::is_on(&ledger).unwrap());
}

#[test]
fn what_is_covered_needs_somebody_else_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    let error = ledger
        .write(|w| approval::use_up(w, at(1), &root(), &delete))
        .unwrap_err();
    let Error::ApprovalNeeded { what, next } = error else {
        panic!("{error}")
    };
    assert_eq!(
        what,
        "deleting a volume with its history needs the approval of somebody else who may give it (whoever has the role `admin`)"
    );
    assert_eq!(
        next,
        "ask for it with `holdfast approvals ask delete-volume disk --because '...'`; once it is approved, repeat the command"
    );
    let id = ledger
        .write(|w| approval::ask(w, at(2), &person("ann"), &delete))
        .unwrap();
    assert_eq!(
        ledger
            .write(|w| approval::ask(w, at(3), &person("ann"), &delete))
            .unwrap(),
        id,
        "the same is the same"
    );
    let waiting = refusal(ledger.write(|w| approval::use_up(w, at(4), &root(), &delete)));
    assert!(waiting.starts_with("deleting a volume"), "{waiting}");
    assert!(
        matches!(approval::may(&ledger, at(4), &delete).unwrap(), Permission::Waiting(request) if request.id == id)
    );
    ledger
        .write(|w| approval::approve(w, at(5), &person("bob"), id, "fine"))
        .unwrap();
    assert_eq!(
        approval::may(&ledger, at(6), &delete).unwrap(),
        Permission::Approved(id)
    );
}

#[test]
fn nobody_approves_their_own_and_nobody_without_the_right() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    let id = ledger
        .write(|w| approval::ask(w, at(2), &person("ann"), &delete))
        .unwrap();
    let own = refusal(ledger.write(|w| approval::approve(w, at(5), &person("ANN"), id, "")));
    assert_eq!(
        own,
        format!("request {id} is your own: somebody else has to approve it")
    );
    let token = Actor::Token("anns".to_owned());
    let own = refusal(ledger.write(|w| approval::approve(w, at(5), &token, id, "")));
    assert_eq!(
        own,
        format!("request {id} is your own: somebody else has to approve it")
    );
    let low = refusal(ledger.write(|w| approval::approve(w, at(5), &person("vic"), id, "")));
    assert_eq!(
        low,
        "vic may not decide about `delete-volume`: whoever has the role `admin` may"
    );
    let nobody = refusal(ledger.write(|w| approval::approve(w, at(5), &root(), id, "")));
    assert!(
        nobody.starts_with("root on this machine isn't somebody with an account"),
        "{nobody}"
    );
}

#[test]
fn what_was_approved_is_used_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    let id = ledger
        .write(|w| approval::ask(w, at(2), &person("ann"), &delete))
        .unwrap();
    ledger
        .write(|w| approval::approve(w, at(6), &person("bob"), id, "fine"))
        .unwrap();
    assert_eq!(
        approval::may(&ledger, at(7), &delete).unwrap(),
        Permission::Approved(id)
    );
    let other = wish(Operation::DeleteVolume, "disk2", "");
    assert!(ledger.write(|w| approval::use_up(w, at(7), &root(), &other)).is_err());
    let pass = ledger.write(|w| approval::use_up(w, at(7), &root(), &delete)).unwrap();
    assert_eq!(pass, Pass { request: Some(id) });
    assert!(
        ledger.write(|w| approval::use_up(w, at(8), &root(), &delete)).is_err(),
        "once"
    );
    ledger
        .write(|w| approval::give_back(w, at(9), &root(), pass, "in use"))
        .unwrap();
    assert!(
        ledger
            .write(|w| approval::give_back(w, at(9), &root(), pass, "in use"))
            .is_err()
    );
    assert_eq!(
        ledger.write(|w| approval::use_up(w, at(10), &root(), &delete)).unwrap(),
        pass
    );
    let kinds = ledger
        .records(
            &crate::ledger::Filter {
                subject: Some("approval/1".to_owned()),
                ..Default::default()
            },
            99,
        )
        .unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|record| record.kind.as_str()).collect();
    let expected = ["asked", "given", "approved", "used", "given-back", "used"].map(|kind| format!("approval.{kind}"));
    assert_eq!(kinds, expected);
}

#[test]
fn of_what_was_begun_somebody_says_how_it_ended_or_that_nobody_knows() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let mut begun = |name: &str, end: fn(&mut Writing<'_>, Pass) -> Result<(), Error>| {
        let wish = wish(Operation::DeleteVolume, name, "");
        ledger
            .write(|w| {
                let id = approved(w, 1, &wish);
                let pass = approval::begin(w, at(2), &person("ann"), &wish)?;
                assert_eq!(pass.request, Some(id));
                end(w, pass)?;
                Ok(id)
            })
            .unwrap()
    };
    begun("done", |w, pass| approval::end(w, at(3), &person("ann"), pass));
    begun("failed", |w, pass| {
        approval::give_back(w, at(3), &person("ann"), pass, "in use")
    });
    let killed = begun("killed", |_, _| Ok(()));
    // What takes effect in the transaction that uses it up needs nobody to say so.
    let wish = wish(Operation::DeleteHistory, "disk", "monday");
    ledger
        .write(|w| {
            approved(w, 1, &wish);
            approval::use_up(w, at(2), &person("ann"), &wish)
        })
        .unwrap();
    let found = approval::cut_off(&ledger).unwrap();
    assert_eq!(found.iter().map(|request| request.id).collect::<Vec<_>>(), [killed]);
    ledger.write(|w| approval::give_up(w, at(9), killed)).unwrap();
    assert_eq!(approval::cut_off(&ledger).unwrap(), []);
}

#[test]
fn whoever_asks_without_an_account_needs_one_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    let id = ledger.write(|w| approval::ask(w, at(1), &root(), &delete)).unwrap();
    let request = ledger
        .write(|w| approval::approve(w, at(2), &person("ann"), id, ""))
        .unwrap();
    assert_eq!(
        (request.state, request.needed),
        (RequestState::Waiting, 2),
        "ann may be the one who asked"
    );
    let again = refusal(ledger.write(|w| approval::approve(w, at(3), &Actor::Token("anns".to_owned()), id, "")));
    assert_eq!(again, format!("you have approved request {id} already"));
    let request = ledger
        .write(|w| approval::approve(w, at(4), &person("bob"), id, ""))
        .unwrap();
    assert_eq!(request.state, RequestState::Approved);
    let same_name = Actor::Local("bob".to_owned());
    let id = ledger
        .write(|w| approval::ask(w, at(5), &same_name, &wish(Operation::DeleteVolume, "d2", "")))
        .unwrap();
    assert!(
        ledger
            .write(|w| approval::approve(w, at(6), &person("bob"), id, ""))
            .is_err()
    );
}

#[test]
fn requests_expire_and_so_does_leave() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    ledger
        .write(|w| {
            let id = approval::ask(w, at(0), &person("ann"), &delete)?;
            let late = refusal(approval::approve(w, at(86_400), &person("bob"), id, ""));
            assert_eq!(late, format!("request {id} is `expired`: there is nothing to decide"));
            assert_eq!(approval::expire(w, at(86_400))?, 1);
            let id = approved(w, 90_000, &delete);
            assert!(
                approval::use_up(w, at(93_600), &root(), &delete).is_err(),
                "an hour is over"
            );
            assert_eq!(approval::expire(w, at(93_600))?, 1);
            assert!(refusal(approval::withdraw(w, at(93_601), &person("ann"), id)).contains("nothing to withdraw"));
            Ok(())
        })
        .unwrap();
    let filter = Filter {
        state: Some(RequestState::Expired),
        ..Filter::default()
    };
    assert_eq!(ledger.requests(&filter, Page::default()).unwrap().len(), 2);
}

#[test]
fn requests_are_withdrawn_by_whoever_asked_and_refused_by_whoever_may_approve() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    ledger
        .write(|w| {
            let id = approval::ask(w, at(0), &person("ann"), &delete)?;
            assert!(refusal(approval::withdraw(w, at(1), &person("bob"), id)).contains("only they can withdraw it"));
            approval::withdraw(w, at(1), &Actor::Token("anns".to_owned()), id)?;
            assert!(approval::approve(w, at(2), &person("bob"), id, "").is_err());
            let id = approval::ask(w, at(3), &person("ann"), &delete)?;
            assert!(approval::refuse(w, at(4), &person("vic"), id, "no").is_err());
            approval::refuse(w, at(4), &person("bob"), id, "no")?;
            assert!(approval::approve(w, at(5), &person("cid"), id, "").is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn whoever_lost_their_role_approves_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let delete = wish(Operation::DeleteVolume, "disk", "");
    ledger.write(|w| Ok(approved(w, 1, &delete))).unwrap();
    let bob = crate::people::account_by_name(&ledger, "bob").unwrap().unwrap().id;
    ledger
        .write(|w| crate::people::set_role(w, at(2), &root(), bob, Role::Viewer))
        .unwrap();
    assert!(ledger.write(|w| approval::use_up(w, at(3), &root(), &delete)).is_err());
    let id = ledger
        .write(|w| approval::ask(w, at(4), &person("ann"), &delete))
        .unwrap();
    assert!(
        ledger
            .write(|w| approval::approve(w, at(5), &person("bob"), id, ""))
            .is_err()
    );
}

#[test]
fn rules_are_weakened_only_by_the_rules_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = on(&folder);
    let mut stricter = Rules::default();
    stricter.0.insert(Operation::SendLetter, Rule::default());
    stricter.0.insert(
        Operation::DeleteVolume,
        Rule {
            quorum: 2,
            ..Rule::default()
        },
    );
    let mut weaker = stricter.clone();
    weaker.0.remove(&Operation::Restore);
    let only_ann = Rule {
        approvers: Approvers::People(vec!["ann".to_owned(), "vic".to_owned()]),
        ..Rule::default()
    };
    let mut others = stricter.clone();
    others.0.insert(Operation::Restore, only_ann);
    ledger
        .write(|w| {
            approval::set_rules(w, at(1), &person("ann"), &stricter)?;
            for rules in [&weaker, &others, &Rules::default()] {
                let error = approval::set_rules(w, at(2), &person("ann"), rules).unwrap_err();
                assert!(matches!(error, Error::ApprovalNeeded { .. }), "{error}");
            }
            assert!(matches!(
                approval::disable(w, at(2), &person("ann")),
                Err(Error::ApprovalNeeded { .. })
            ));
            approved(w, 3, &wish(Operation::ChangeApprovals, "rules", &weaker.detail()));
            assert!(
                approval::set_rules(w, at(4), &person("ann"), &others).is_err(),
                "those were not approved"
            );
            approval::set_rules(w, at(4), &person("ann"), &weaker)?;
            approved(w, 5, &wish(Operation::ChangeApprovals, "off", ""));
            approval::disable(w, at(6), &person("ann"))
        })
        .unwrap();
    assert!(!approval::is_on(&ledger).unwrap());
}

#[test]
fn a_sealed_code_stands_in_for_the_others_once_and_loudly() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(&folder);
    let release = wish(Operation::ReleaseFence, "disk", "keep");
    let codes = ledger
        .write(|w| approval::seal(w, at(0), &root(), &[[1; CODE_BYTES], [2; CODE_BYTES]]))
        .unwrap();
    ledger
        .write(|w| {
            approval::enable(w, at(0), &root(), &Rules::default())?;
            assert!(
                approval::seal(w, at(1), &root(), &[[3; CODE_BYTES]]).is_err(),
                "one person can't make codes any more"
            );
            let code = codes[0].reveal().to_uppercase();
            let wrong = Code::new([9; CODE_BYTES]);
            assert!(approval::break_glass(w, at(2), &root(), wrong.reveal(), &release).is_err());
            let off = wish(Operation::ChangeApprovals, "off", "");
            assert!(refusal(approval::break_glass(w, at(2), &root(), &code, &off)).contains("needs the others"));
            let request = approval::break_glass(w, at(3), &root(), &code, &release)?;
            assert!(request.glass_broken);
            assert!(
                approval::break_glass(w, at(4), &root(), &code, &release).is_err(),
                "once"
            );
            let drop = wish(Operation::ReleaseFence, "disk", "drop");
            assert!(approval::use_up(w, at(4), &root(), &drop).is_err());
            assert_eq!(
                approval::use_up(w, at(5), &root(), &release)?,
                Pass {
                    request: Some(request.id)
                }
            );
            assert!(approval::use_up(w, at(6), &root(), &release).is_err());
            let request = approval::break_glass(w, at(10), &root(), codes[1].reveal(), &release)?;
            assert!(
                approval::use_up(w, at(3610), &root(), &release).is_err(),
                "within an hour: {request:?}"
            );
            Ok(())
        })
        .unwrap();
    assert_eq!(approval::seals(&ledger, at(9)).unwrap(), Seals { left: 0, used: 2 });
    let bytes = std::fs::read(folder.path().join(crate::ledger::LEDGER_NAME)).unwrap();
    let wal = std::fs::read(folder.path().join("ledger.sqlite-wal")).unwrap_or_default();
    for code in &codes {
        let plain: String = code.reveal().split('-').collect();
        for needle in [code.reveal(), &plain] {
            assert!(
                ![&bytes, &wal]
                    .iter()
                    .any(|file| file.windows(needle.len()).any(|part| part == needle.as_bytes()))
            );
        }
    }
}

#[test]
fn codes_have_all_bits_of_what_they_are_made_of() {
    let code = Code::new(std::array::from_fn(|index| index as u8));
    assert_eq!(code.reveal().len(), 39);
    let flipped = (0..8 * CODE_BYTES).map(|bit| {
        let mut random: [u8; CODE_BYTES] = std::array::from_fn(|index| index as u8);
        random[bit / 8] ^= 1 << (bit % 8);
        Code::new(random).reveal().to_owned()
    });
    let mut all: Vec<String> = flipped.chain([code.reveal().to_owned()]).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8 * CODE_BYTES + 1);
}
