//! What client and server agree on, option by option.

use std::sync::Arc;
use std::time::Instant;

use crate::clients::{Client, Order};
use crate::events::Ending;
use crate::export::{ExportProvider, OpenError, OpenedExport};
use crate::handshake::wire::{ClientFlags, Wire, arm, handshake_ending};
use crate::limits::Limits;
use crate::protocol::numbers::{
    BLOCK_SIZE_MIN, BLOCK_SIZE_PREFERRED, FLAG_BLOCK_STATUS_PAYLOAD, FLAG_CAN_MULTI_CONN, FLAG_HAS_FLAGS,
    FLAG_READ_ONLY, FLAG_SEND_CACHE, FLAG_SEND_DF, FLAG_SEND_FAST_ZERO, FLAG_SEND_FLUSH, FLAG_SEND_FUA, FLAG_SEND_TRIM,
    FLAG_SEND_WRITE_ZEROES, INFO_BLOCK_SIZE, INFO_DESCRIPTION, INFO_EXPORT, INFO_NAME, OPT_ABORT, OPT_EXPORT_NAME,
    OPT_STARTTLS, PAYLOAD_SIZE_MAX,
};
use crate::protocol::{
    Dialect, InfoRequest, MetaContext, MetaContextQuery, OPTION_HEADER_SIZE, OptionHeader, OptionReply, OptionRequest,
};
use crate::tls::Tls;
use crate::transport::{Link, TlsInbox};

/// Replies are sent once they are this long.
const REPLIES_SIZE: usize = 64 << 10;

/// What a handshake leads to.
pub(crate) struct Negotiated {
    pub(crate) link: Link,
    pub(crate) tls_inbox: TlsInbox,
    pub(crate) export: OpenedExport,
    pub(crate) dialect: Dialect,
    pub(crate) contexts: Vec<MetaContext>,
}

/// Does the whole handshake with a client.
pub(crate) fn negotiate(
    client: &Client,
    provider: &dyn ExportProvider,
    tls: &Tls,
    limits: &Limits,
) -> Result<Negotiated, Ending> {
    let mut wire = Wire::new(Arc::clone(&client.socket), Instant::now() + limits.handshake_timeout);
    let flags = wire.greet()?;
    let mut negotiation = Negotiation {
        client,
        provider,
        tls,
        limits,
        wire,
        flags,
        state: State::default(),
    };
    let export = negotiation.run()?;
    let Negotiation { wire, state, .. } = negotiation;
    wire.link.socket().set_receive_timeout(None).map_err(Ending::Io)?;
    wire.link.socket().set_send_timeout(None).map_err(Ending::Io)?;
    let contexts = state.contexts.into_iter().flat_map(|(_, contexts)| contexts).collect();
    Ok(Negotiated {
        link: wire.link,
        tls_inbox: wire.inbox,
        export,
        dialect: state.dialect,
        contexts,
    })
}

/// What was agreed so far. Forgotten when TLS starts.
struct State {
    dialect: Dialect,
    /// The contexts chosen, and the export they were chosen for.
    contexts: Option<(String, Vec<MetaContext>)>,
    /// The export opened last, so that asking about a moment and then using it opens it once.
    opened: Option<(String, OpenedExport)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            dialect: Dialect::Simple,
            contexts: None,
            opened: None,
        }
    }
}

/// How the handshake goes on after an option.
enum Next {
    Option,
    Transmission(OpenedExport),
}

struct Negotiation<'a> {
    client: &'a Client,
    provider: &'a dyn ExportProvider,
    tls: &'a Tls,
    limits: &'a Limits,
    wire: Wire,
    flags: ClientFlags,
    state: State,
}

impl Negotiation<'_> {
    fn run(&mut self) -> Result<OpenedExport, Ending> {
        for _ in 0..self.limits.options_max {
            let mut header = [0; OPTION_HEADER_SIZE];
            self.wire.receive(&mut header)?;
            let header = OptionHeader::decode(&header).map_err(Ending::Protocol)?;
            let next = self.serve(header)?;
            self.wire.send()?;
            if let Next::Transmission(export) = next {
                return Ok(export);
            }
        }
        Err(Ending::TooManyOptions {
            limit: self.limits.options_max,
        })
    }

    fn serve(&mut self, header: OptionHeader) -> Result<Next, Ending> {
        if !self.flags.fixed_newstyle && header.option != OPT_EXPORT_NAME {
            return Err(Ending::NotFixedNewstyle);
        }
        let Some(data) = self.wire.receive_option_data(header)? else {
            return self.refuse(header.option, OptionReply::TooBig, "the option has too much data");
        };
        let encrypted = self.wire.link.is_encrypted();
        if header.option != OPT_ABORT {
            if self.client.order() != Order::None {
                return self.refuse(header.option, OptionReply::Shutdown, "the server is being stopped");
            }
            if matches!(self.tls, Tls::Required(_)) && !encrypted && header.option != OPT_STARTTLS {
                return self.refuse(header.option, OptionReply::TlsRequired, "this server requires TLS");
            }
        }
        let request = match OptionRequest::decode(header.option, &data) {
            Ok(request) => request,
            Err(error) => return self.refuse(header.option, error.reply, error.message),
        };
        match request {
            OptionRequest::ExportName(name) => return self.export_name(name),
            OptionRequest::Abort => {
                self.wire.reply(header.option, OptionReply::Acknowledged, &[]);
                // A client that doesn't wait for the reply has disconnected just the same.
                let _ = self.wire.send();
                return Err(Ending::Disconnected);
            }
            OptionRequest::List => self.list(header.option)?,
            OptionRequest::StartTls => return self.start_tls(header.option),
            OptionRequest::Info(info) => {
                self.describe(header.option, &info)?;
            }
            OptionRequest::Go(info) => {
                if let Some(export) = self.describe(header.option, &info)? {
                    return Ok(Next::Transmission(self.enter(info.export, export)));
                }
            }
            OptionRequest::StructuredReply => return self.choose(header.option, Dialect::Structured),
            OptionRequest::ExtendedHeaders => return self.choose(header.option, Dialect::Extended),
            OptionRequest::ListMetaContext(query) => return self.meta_contexts(header.option, &query, false),
            OptionRequest::SetMetaContext(query) => return self.meta_contexts(header.option, &query, true),
            OptionRequest::Unknown => {
                return self.refuse(
                    header.option,
                    OptionReply::Unsupported,
                    "this server doesn't know the option",
                );
            }
        }
        Ok(Next::Option)
    }

    /// Answers with an error, or ends the session where the option has no way to tell one.
    fn refuse(&mut self, option: u32, reply: OptionReply, message: &str) -> Result<Next, Ending> {
        if option == OPT_EXPORT_NAME {
            return Err(Ending::ExportRefused {
                name: String::new(),
                reason: message.to_owned(),
            });
        }
        self.wire.reply(option, reply, &[message.as_bytes()]);
        Ok(Next::Option)
    }

    /// A dialect is chosen once, and can only be given up for a richer one.
    fn choose(&mut self, option: u32, dialect: Dialect) -> Result<Next, Ending> {
        if self.state.dialect == dialect {
            return self.refuse(option, OptionReply::Invalid, "this was chosen already");
        }
        if self.state.dialect == Dialect::Extended {
            let message = "extended headers are in use";
            return self.refuse(option, OptionReply::ExtendedHeadersRequired, message);
        }
        self.state.dialect = dialect;
        self.wire.reply(option, OptionReply::Acknowledged, &[]);
        Ok(Next::Option)
    }

    fn list(&mut self, option: u32) -> Result<(), Ending> {
        for export in self.provider.list().into_iter().take(self.limits.exports_listed_max) {
            let length = (export.name.len() as u32).to_be_bytes();
            let data: [&[u8]; 3] = [&length, export.name.as_bytes(), export.description.as_bytes()];
            self.wire.reply(option, OptionReply::Server, &data);
            if self.wire.out.len() >= REPLIES_SIZE {
                self.wire.send()?;
            }
        }
        self.wire.reply(option, OptionReply::Acknowledged, &[]);
        Ok(())
    }

    fn start_tls(&mut self, option: u32) -> Result<Next, Ending> {
        let identity = match self.tls {
            Tls::Off => return self.refuse(option, OptionReply::Policy, "this server doesn't use TLS"),
            Tls::Allowed(_) | Tls::Required(_) if self.wire.link.is_encrypted() => {
                return self.refuse(option, OptionReply::Invalid, "TLS is in use already");
            }
            Tls::Allowed(identity) | Tls::Required(identity) => identity,
        };
        self.wire.reply(option, OptionReply::Acknowledged, &[]);
        self.wire.send()?;
        self.state = State::default();
        let Wire {
            link, inbox, deadline, ..
        } = &mut self.wire;
        let socket = Arc::clone(&self.client.socket);
        link.start_tls(identity.config(), inbox, || arm(&socket, *deadline))
            .map_err(handshake_ending)?;
        self.client.set_tls();
        Ok(Next::Option)
    }

    /// Opens an export, or takes the one that was opened for the previous option if it can't have changed since. A live
    /// disk may have been rolled back: who begins to use it afterwards must not be taken for a client from before.
    fn open(&mut self, name: &str) -> Result<OpenedExport, OpenError> {
        match &self.state.opened {
            Some((opened, export)) if opened == name && export.device.is_read_only() => Ok(export.clone()),
            _ => {
                self.state.opened = None;
                let export = self.provider.open(name)?;
                self.state.opened = Some((name.to_owned(), export.clone()));
                Ok(export)
            }
        }
    }

    fn export_name(&mut self, name: &str) -> Result<Next, Ending> {
        let refused = |reason: String| Ending::ExportRefused {
            name: name.to_owned(),
            reason,
        };
        if self.state.dialect == Dialect::Extended {
            return Err(refused(
                "extended headers can't be used with OPT_EXPORT_NAME".to_owned(),
            ));
        }
        let export = self.open(name).map_err(|error| refused(error.to_string()))?;
        let out = &mut self.wire.out;
        out.extend_from_slice(&export.device.size_bytes().to_be_bytes());
        out.extend_from_slice(&transmission_flags(&export, self.state.dialect).to_be_bytes());
        if !self.flags.no_zeroes {
            out.extend_from_slice(&[0; 124]);
        }
        Ok(Next::Transmission(self.enter(name, export)))
    }

    fn describe(&mut self, option: u32, info: &InfoRequest<'_>) -> Result<Option<OpenedExport>, Ending> {
        let export = match self.open(info.export) {
            Ok(export) => export,
            Err(error) => {
                self.refuse_export(option, &error)?;
                return Ok(None);
            }
        };
        let mut inform = |kind: u16, parts: &[&[u8]]| {
            let kind = kind.to_be_bytes();
            let data: Vec<&[u8]> = std::iter::once(kind.as_slice()).chain(parts.iter().copied()).collect();
            self.wire.reply(option, OptionReply::Info, &data);
        };
        let flags = transmission_flags(&export, self.state.dialect);
        inform(
            INFO_EXPORT,
            &[&export.device.size_bytes().to_be_bytes(), &flags.to_be_bytes()],
        );
        if info.wants_name {
            inform(INFO_NAME, &[export.name.as_bytes()]);
        }
        if info.wants_description && !export.description.is_empty() {
            inform(INFO_DESCRIPTION, &[export.description.as_bytes()]);
        }
        if info.wants_block_size {
            let sizes = [BLOCK_SIZE_MIN, BLOCK_SIZE_PREFERRED, PAYLOAD_SIZE_MAX].map(u32::to_be_bytes);
            inform(INFO_BLOCK_SIZE, &sizes.each_ref().map(<[u8; 4]>::as_slice));
        }
        self.wire.reply(option, OptionReply::Acknowledged, &[]);
        Ok(Some(export))
    }

    fn refuse_export(&mut self, option: u32, error: &OpenError) -> Result<Next, Ending> {
        let reply = match error {
            OpenError::Unknown(_) => OptionReply::UnknownExport,
            OpenError::Policy(_) => OptionReply::Policy,
            OpenError::Invalid(_) => OptionReply::Invalid,
            OpenError::Stopping(_) => OptionReply::Shutdown,
        };
        self.refuse(option, reply, &error.to_string())
    }

    fn meta_contexts(&mut self, option: u32, query: &MetaContextQuery<'_>, select: bool) -> Result<Next, Ending> {
        if select {
            self.state.contexts = None;
        }
        if self.state.dialect == Dialect::Simple {
            return self.refuse(option, OptionReply::Invalid, "structured replies must be chosen first");
        }
        if let Err(error) = self.open(query.export) {
            return self.refuse_export(option, &error);
        }
        let all = query.queries.is_empty() && !select;
        let is_wanted = |context: &MetaContext| {
            let mut queries = query.queries.iter();
            all || queries.any(|query| {
                if select {
                    context.is_selected_by(query)
                } else {
                    context.is_listed_by(query)
                }
            })
        };
        let contexts: Vec<_> = MetaContext::ALL.into_iter().filter(is_wanted).collect();
        for context in &contexts {
            // The number has a meaning only where the context is selected.
            let id = if select { context.id() } else { 0 };
            self.wire.reply(
                option,
                OptionReply::MetaContext,
                &[&id.to_be_bytes(), context.name().as_bytes()],
            );
        }
        self.wire.reply(option, OptionReply::Acknowledged, &[]);
        if select {
            self.state.contexts = Some((query.export.to_owned(), contexts));
        }
        Ok(Next::Option)
    }

    /// Enters transmission with `export`, opened as `name`. Contexts that were chosen for another one don't count.
    fn enter(&mut self, name: &str, export: OpenedExport) -> OpenedExport {
        self.state.contexts.take_if(|(chosen, _)| chosen != name);
        self.state.opened = None;
        export
    }
}

fn transmission_flags(export: &OpenedExport, dialect: Dialect) -> u16 {
    let access = if export.device.is_read_only() {
        FLAG_READ_ONLY
    } else {
        FLAG_SEND_TRIM | FLAG_SEND_WRITE_ZEROES | FLAG_SEND_FAST_ZERO
    };
    let replies = match dialect {
        Dialect::Simple => 0,
        Dialect::Structured => FLAG_SEND_DF,
        Dialect::Extended => FLAG_SEND_DF | FLAG_BLOCK_STATUS_PAYLOAD,
    };
    FLAG_HAS_FLAGS | FLAG_SEND_FLUSH | FLAG_SEND_FUA | FLAG_CAN_MULTI_CONN | FLAG_SEND_CACHE | access | replies
}
