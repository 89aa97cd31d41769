//! A server with its tenant, in a folder of its own, on a database of its own.

use super::{
    BoxResult,
    server::{Plan, ServerProcess, Tenant},
    usage::{self, Family},
};
use std::path::Path;

/// A server with its tenant, in a folder of its own.
pub(super) struct House<'a> {
    pub plan: Plan<'a>,
    pub server: ServerProcess,
    pub tenant: Tenant,
    pub _folder: tempfile::TempDir,
}

impl<'a> House<'a> {
    /// Starts the server and creates the tenant.
    pub(super) fn open(bin: &'a Path, url: Option<&'a str>) -> BoxResult<House<'a>> {
        let folder = tempfile::tempdir()?;
        let plan = Plan { bin, data: folder.path().to_owned(), database_url: url, write_group_max: None };
        let server = plan.start()?;
        let tenant = plan.tenant()?;
        Ok(House { plan, server, tenant, _folder: folder })
    }

    /// The server and, if it is a separate process, its database.
    pub(super) fn families(&self) -> BoxResult<Vec<Family>> {
        let mut list = vec![Family { pid: self.server.pid(), children: false }];
        if let Some(url) = self.plan.database_url {
            let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).ok_or("no port")?;
            list.push(usage::postmaster(port.parse()?).ok_or("the database's process is not on this machine")?);
        }
        Ok(list)
    }
}
