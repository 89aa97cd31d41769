//! Requests of tests, with callers and metadata as the edge makes them.

use crate::Caller;
use inboxops_proto::wire::{self, Origin, Way};
use std::net::IpAddr;
use tonic::Request;

/// A caller, as the edge forwards it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    bearer: Option<String>,
    tenant: Option<String>,
    operator: bool,
    cookie: Option<String>,
    pub(crate) origin: Origin,
}

impl Client {
    pub(crate) fn nobody() -> Client {
        let peer = Some(IpAddr::from([198, 51, 100, 7]));
        let origin =
            Origin { peer, way: Way::Rest, request_id: "req_test".to_owned(), same_origin: false, secure: false };
        Client { bearer: None, tenant: None, operator: false, cookie: None, origin }
    }

    pub(crate) fn key(key: &str) -> Client {
        Client { bearer: Some(key.to_owned()), ..Client::nobody() }
    }

    pub(crate) fn operator() -> Client {
        Client { operator: true, ..Client::nobody() }
    }

    /// A page of ours in a browser with this cookie.
    pub(crate) fn browser(cookie: Option<&str>) -> Client {
        let nobody = Client::nobody();
        let origin = Origin { way: Way::GrpcWeb, same_origin: true, ..nobody.origin.clone() };
        Client { cookie: cookie.map(str::to_owned), origin, ..nobody }
    }

    pub(crate) fn for_tenant(&self, tenant: &str) -> Client {
        Client { tenant: Some(tenant.to_owned()), ..self.clone() }
    }

    /// The same from another address.
    pub(crate) fn at(&self, peer: impl Into<IpAddr>) -> Client {
        Client { origin: Origin { peer: Some(peer.into()), ..self.origin.clone() }, ..self.clone() }
    }

    pub(crate) fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(bearer) = &self.bearer {
            let value = format!("Bearer {bearer}").parse().expect("tokens are ASCII");
            request.metadata_mut().insert("authorization", value);
        }
        if let Some(tenant) = &self.tenant {
            request.metadata_mut().insert(wire::TENANT, tenant.parse().expect("ids are ASCII"));
        }
        if let Some(cookie) = &self.cookie {
            request.metadata_mut().insert("cookie", cookie.parse().expect("cookies are ASCII"));
        }
        if self.operator {
            request.extensions_mut().insert(Caller::operator());
        }
        request.extensions_mut().insert(self.origin.clone());
        request
    }
}
