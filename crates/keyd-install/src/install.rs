//! Installing.

use std::net::SocketAddr;
use std::path::PathBuf;

use nix::unistd::geteuid;
use zeroize::Zeroizing;

use crate::accounts::{self, CLIENTS, TLS_USER, USER};
use crate::error::InstallError;
use crate::host;
use crate::operator::Operator;
use crate::places::{CONFIG, CONFIG_FOLDER, Places, TLS_FOLDER, TMPFILES, UNITS};
use crate::report::{Note, Report};
use crate::site::{Owner, Site};
use crate::store::{self, Draft, Stage, Wish};
use crate::tls;
use crate::units::{APP_UNIT, KEY_UNIT, TLS_UNIT, Units};
use crate::unlocking;

const CONFIG_TEXT: &str = include_str!("templates/config.toml");
const POLICY_TEXT: &str = include_str!("templates/policy.toml");

/// What is to be installed.
pub struct Install {
    /// Where.
    pub places: Places,
    /// The program that the units run: absolute, as the host will see it.
    pub program: PathBuf,
    /// Users who become members of the clients' group.
    pub clients: Vec<String>,
    /// Where the TLS process listens; `None`: there is none.
    pub tls: Option<SocketAddr>,
    /// Takes the recovery key, instead of the operator's eyes. As this process sees it.
    pub recovery_file: Option<PathBuf>,
    /// Opens a new store (a slot of kind 2) instead of a key of this host; at least twelve characters.
    pub passphrase: Option<Zeroizing<String>>,
    /// Only says what would be done. Nobody is asked.
    pub dry_run: bool,
}

impl Install {
    /// Installs the service, or what is missing of it. Blocks, for the operator too.
    ///
    /// What can be refused is refused before anything changes; after that an error says what failed, and a second run goes on there.
    pub fn install(&self, operator: &mut dyn Operator) -> Result<Report, InstallError> {
        if !geteuid().is_root() {
            return Err(InstallError::NotRoot);
        }
        let units = Units::render(&self.places, &self.program)?;
        for client in &self.clients {
            accounts::check_name(client)?;
            if accounts::user(&self.places, client)?.is_none() {
                return Err(InstallError::NoUser(client.clone()));
            }
        }
        let stage = Stage::of(&self.places)?;
        let draft = match stage {
            Stage::Missing => Some(Draft::new(&self.places, self.wish())?),
            Stage::Roots | Stage::Finished => None,
        };

        let mut site = Site::new(&self.places, self.dry_run, operator);
        self.accounts(&mut site)?;
        self.configuration(&mut site)?;
        if let Some(address) = self.tls {
            tls::key_pair(&mut site, address)?;
        }
        self.store(&mut site, stage, draft.as_ref())?;
        let changed = Self::units(&mut site, &units)?;
        let program = self.program.display().to_string();
        host::start(&mut site, changed, self.tls.is_some(), &program)?;
        Ok(site.report)
    }

    fn wish(&self) -> Wish<'_> {
        Wish {
            passphrase: self.passphrase.as_ref().map(|text| text.as_str()),
            recovery_file: self.recovery_file.as_deref(),
        }
    }

    fn accounts(&self, site: &mut Site<'_>) -> Result<(), InstallError> {
        for name in [USER, TLS_USER, CLIENTS] {
            site.group(name)?;
        }
        site.user(USER, "Crannog key service")?;
        site.user(TLS_USER, "Crannog key service, TLS")?;
        // Its configuration lies in a folder of that group.
        site.member(TLS_USER, USER)?;
        for client in &self.clients {
            site.member(client, CLIENTS)?;
        }
        Ok(())
    }

    fn configuration(&self, site: &mut Site<'_>) -> Result<(), InstallError> {
        site.folder(
            "configuration folder",
            CONFIG_FOLDER,
            Owner::read_by_service(0o750),
        )?;
        let listen = match self.tls {
            Some(address) => format!("listen = \"{address}\""),
            None => "#listen = \"127.0.0.1:8200\"".to_owned(),
        };
        let text = CONFIG_TEXT.replace("{listen}", &listen);
        let owner = Owner::read_by_service(0o640);
        let made = site.operators_file("configuration", CONFIG, text.as_bytes(), owner)?;
        if let Some(address) = self.tls.filter(|_| !made) {
            let path = site.on_disk(CONFIG);
            let kept = std::fs::read_to_string(&path).map_err(crate::files::at(&path))?;
            if !kept.lines().any(|line| line.trim() == listen) {
                let config = CONFIG.into();
                site.note(Note::Listen { config, address });
            }
        }
        let policy = self.places.policy.clone();
        site.operators_file("policy", policy, POLICY_TEXT.as_bytes(), owner)?;
        site.folder("folder of the TLS process", TLS_FOLDER, Owner::read_by_tls(0o750))
    }

    fn store(
        &self,
        site: &mut Site<'_>,
        stage: Stage,
        draft: Option<&Draft<'_>>,
    ) -> Result<(), InstallError> {
        let recovery_file = self.recovery_file.as_deref();
        match (stage, draft) {
            (Stage::Finished, _) => store::inspect(site)?,
            (_, Some(draft)) if self.dry_run => return store::would(site, draft, recovery_file),
            (_, Some(draft)) => {
                let recovery = store::make(site, draft, recovery_file)?;
                store::finish(site, self.wish(), Some(recovery))?;
            }
            (_, None) if self.dry_run => store::would_finish(site),
            (_, None) => store::finish(site, self.wish(), None)?,
        }
        unlocking::hand_over(site)
    }

    /// Whether one was made or changed.
    fn units(site: &mut Site<'_>, units: &Units) -> Result<bool, InstallError> {
        let owner = Owner::root(0o644);
        site.own_file(
            "folders of the sockets",
            TMPFILES,
            units.tmpfiles.as_bytes(),
            owner,
        )?;
        let mut changed = false;
        for (name, text) in [
            (KEY_UNIT, &units.key),
            (TLS_UNIT, &units.tls),
            (APP_UNIT, &units.app),
        ] {
            let path = PathBuf::from(UNITS).join(name);
            changed |= site.own_file("unit", path, text.as_bytes(), owner)?;
        }
        Ok(changed)
    }
}
