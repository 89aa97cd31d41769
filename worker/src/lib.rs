//! Sends signed webhooks; holds no database.
