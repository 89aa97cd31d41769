//! Agents: the service that lists the people of a tenant.

use crate::{
    caller::Caller,
    error::Result,
    listing::{Binding, Key, Paging},
    store::{self, Db, agents::Agent},
};
use inboxops_proto::v1::{self, agent_service_server::AgentService};
use tonic::{Request, Response, Status};

pub(crate) struct Agents {
    db: Db,
}

impl Agents {
    pub(crate) fn new(db: Db) -> Agents {
        Agents { db }
    }

    async fn list(&self, caller: &Caller, request: v1::ListAgentsRequest) -> Result<v1::ListAgentsResponse> {
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let mut read = self.db.read(caller.scope()?).await?;
        let binding = Binding::of("agents", read.tenant(), &());
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let total = store::agents::count(&mut read).await?;
        let mut agents = store::agents::list(&mut read, listing.named()?).await?;
        let meta = listing.meta(&mut agents, total, |it| Key::named(&store::fold(&it.name), it.id.0));
        Ok(v1::ListAgentsResponse { agents: agents.iter().map(v1::Agent::from).collect(), meta: Some(meta) })
    }
}

impl From<&Agent> for v1::Agent {
    fn from(agent: &Agent) -> v1::Agent {
        v1::Agent {
            id: agent.id.to_string(),
            name: agent.name.clone(),
            email: agent.email.clone(),
            role: v1::Role::from(agent.role) as i32,
        }
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }
}
