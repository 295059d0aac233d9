//! `holdfast exposure serve`: answers the API until a signal says to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hibp::private::Service;
use hibp::{Certificate, Limits, Server, Settings, State};
use serde_json::json;
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

use super::Scene;
use super::chores::Chores;
use super::failures::{failure, server_failure};
use super::merging::Merging;
use crate::cli::output::print;
use crate::config::ExposureSettings;
use crate::daemon::{notify, watch_signals};
use crate::exposure_delivery::{Running, upstream};
use crate::failure::{EXIT_OK, Failure};
use crate::log::{Level, Log, Style};

/// How long requests that have begun may take when the server is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// `holdfast exposure serve`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Serve {
    /// Where to listen [default: `listen` in [exposure], else 127.0.0.1:8471]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// PEM file with the server's certificate, then those between it and the root
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS: where something before the server has it, or nothing is secret
    #[arg(long)]
    without_tls: bool,
    /// Answer searches by prefix also where they hide a person among fewer than `hidden_among`, with a header that says so
    #[arg(long)]
    answer_small_ranges: bool,
}

/// What is served, and how.
struct Plan {
    listen: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    settings: Settings,
}

pub(super) fn run(scene: &Scene<'_>, task: &Serve) -> Result<u8, Failure> {
    // From here on signals are noted, so that none is lost while the stores are opened.
    let mut signals = watch_signals()?;
    let config = scene.place.config()?.exposure;
    let plan = plan(task, &config)?;
    scene.place.prepare()?;
    let log = Arc::new(Log::new(Style::of_surroundings(scene.common.json), false));
    let reporter = Arc::clone(&log);
    let report = move |error: &hibp::Error| reporter.write(Level::Error, "", error);
    let failed = |error: hibp::Error| server_failure(&error);
    let private = private(scene, &config)?;
    let state = State::open(&scene.folder, plan.settings, Box::new(report)).map_err(failed)?;
    let state = match upstream(config.upstream.as_ref())? {
        Some(upstream) => state.with_upstream(upstream),
        None => state,
    };
    let state = Arc::new(state.with_private(Arc::clone(&private)));
    let _delivery = Running::start(&config, &scene.folder, &log)?;
    let _merging = Merging::start(&scene.folder, Arc::clone(&log))?;
    let _chores = Chores::start(&scene.folder, private, Arc::clone(state.accounts()), Arc::clone(&log))?;
    let server = Server::start(
        Arc::clone(&state),
        plan.listen,
        plan.certificate.clone(),
        Limits::default(),
    )
    .map_err(failed)?;
    notify("READY=1");
    show(scene, &state, server.address(), plan.certificate.is_some());
    wait_for_end(&mut signals, plan.certificate.as_deref(), &log);
    notify("STOPPING=1");
    let cut = server.stop(PATIENCE);
    if cut > 0 {
        let message = format!("{cut} clients didn't receive their answers in time and were cut off");
        log.write(Level::Warning, "", message);
    }
    log.info("", "stopped in good order");
    Ok(EXIT_OK)
}

/// What was typed, over what is configured.
fn plan(task: &Serve, config: &ExposureSettings) -> Result<Plan, Failure> {
    let listen = task.listen.unwrap_or(config.listen);
    let files = match (&task.tls_certificate, &task.tls_key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => config
            .certificate_and_key
            .as_ref()
            .map(|(certificate, key)| (certificate, key)),
    };
    if files.is_none() && !listen.ip().is_loopback() && !task.without_tls {
        return Err(Failure::refused(format!(
            "`{listen}` is reached from other machines: addresses and keys would cross the network in clear"
        ))
        .hint("give `--tls-certificate` and `--tls-key`, or `--without-tls` if something before the server has TLS"));
    }
    let certificate = files
        .map(|(certificate, key)| Certificate::load(certificate, key))
        .transpose()
        .map_err(|error| server_failure(&error))?;
    Ok(Plan {
        listen,
        certificate: certificate.map(Arc::new),
        settings: Settings {
            hidden_among: config.hidden_among,
            answers_small_ranges: task.answer_small_ranges,
            public_url: config
                .public_url
                .clone()
                .unwrap_or_else(|| url(listen, files.is_some())),
            resolver: config.resolver,
            sends_mail: config.mail.is_some(),
            calls_back: config.callback.is_some(),
        },
    })
}

/// What answers private questions.
fn private(scene: &Scene<'_>, config: &ExposureSettings) -> Result<Arc<Service>, Failure> {
    let settings = hibp::private::Settings {
        hidden_among: config.hidden_among,
        ..hibp::private::Settings::default()
    };
    let service = Service::open(&scene.folder, settings).map_err(|error| failure(&error))?;
    Ok(Arc::new(service))
}

fn url(address: SocketAddr, is_tls: bool) -> String {
    format!("{}://{address}", if is_tls { "https" } else { "http" })
}

/// Says what is served and how to ask: to a person on standard output, to programs as one line.
fn show(scene: &Scene<'_>, state: &State, address: SocketAddr, is_tls: bool) {
    let url = url(address, is_tls);
    let (breaches, keys) = state.extent();
    if scene.common.json {
        let line =
            json!({ "serving": { "address": address.to_string(), "url": url, "breaches": breaches, "keys": keys } });
        print(format!("{line}\n").as_bytes());
    } else {
        print(screen(&url, breaches, keys).as_bytes());
    }
}

fn screen(url: &str, breaches: usize, keys: usize) -> String {
    let key_advice = if keys == 0 {
        "Make a key in another terminal; accounts are asked for with one:\n  holdfast exposure keys make NAME\n\n"
    } else {
        ""
    };
    format!(
        "\nHoldfast {} answers the Have I Been Pwned API at {url}\n  breaches {breaches}\n  keys     {keys}\n\n\
         Ask from another terminal:\n  curl {url}/range/5BAA6\n  curl {url}/check/sha1/5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\n  \
         curl -H 'hibp-api-key: KEY' {url}/api/v3/breachedaccount/ADDRESS\n\n{key_advice}\
         Point clients at {url}/api/v3 and {url}/range/; docs/exposure.md has how, client by client.\n\n\
         Ctrl-C stops in good order.\n\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Obeys signals until one of them says to stop: SIGHUP reads the certificate again.
fn wait_for_end(signals: &mut Signals, certificate: Option<&Certificate>, log: &Log) {
    for signal in signals.forever() {
        if signal != SIGHUP {
            return;
        }
        match certificate.map(Certificate::reload) {
            None => log.info(
                "",
                "there is no certificate to be read again; other settings need a restart",
            ),
            Some(Ok(())) => log.info("", "the certificate was read again; other settings need a restart"),
            Some(Err(error)) => {
                let message = format!("the certificate stays what it was: {error}");
                log.write(Level::Error, "", message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(listen: &str) -> Serve {
        Serve {
            listen: Some(listen.parse().unwrap()),
            tls_certificate: None,
            tls_key: None,
            without_tls: false,
            answer_small_ranges: false,
        }
    }

    #[test]
    fn nothing_crosses_a_network_in_clear_by_accident() {
        let config = ExposureSettings::default();
        for listen in ["127.0.0.1:8471", "[::1]:8471"] {
            assert!(plan(&serve(listen), &config).is_ok(), "{listen}");
        }
        for listen in ["0.0.0.0:8471", "192.0.2.1:80", "[::]:8471"] {
            let failure = plan(&serve(listen), &config).err().unwrap();
            assert!(failure.message.contains("in clear"), "{}", failure.message);
            let told = Serve {
                without_tls: true,
                ..serve(listen)
            };
            assert!(plan(&told, &config).is_ok(), "{listen}");
        }
    }

    #[test]
    fn the_screen_shows_commands_that_can_be_pasted() {
        let text = screen("http://127.0.0.1:8471", 3, 0);
        for line in [
            "answers the Have I Been Pwned API at http://127.0.0.1:8471\n",
            "  curl http://127.0.0.1:8471/range/5BAA6\n",
            "  holdfast exposure keys make NAME\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!screen("http://127.0.0.1:8471", 3, 1).contains("keys make"));
    }
}
