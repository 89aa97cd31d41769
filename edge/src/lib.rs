//! The public door: REST, gRPC, grpc-web and documents on one port.
