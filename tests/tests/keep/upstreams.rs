//! An upstream that answers as a test tells it to, and says what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;

/// How to answer one request; it sees the request's headers.
pub(crate) type Answerer = Arc<dyn Fn(&axum::http::request::Parts) -> Response + Send + Sync>;

/// A server on loopback.
pub(crate) struct Upstream {
    pub(crate) base: String,
    pub(crate) asked: Arc<Mutex<Vec<axum::http::request::Parts>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub(crate) async fn start(
        answer: impl Fn(&axum::http::request::Parts) -> Response + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let state: (Arc<Mutex<Vec<axum::http::request::Parts>>>, Answerer) = (Arc::clone(&asked), Arc::new(answer));
        let router = Router::new()
            .fallback(|State((asked, answer)): State<(Arc<Mutex<Vec<_>>>, Answerer)>, request: Request| async move {
                let (parts, _) = request.into_parts();
                let response = answer(&parts);
                asked.lock().unwrap().push(parts);
                response
            })
            .with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { base, asked, task }
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A JSON answer.
pub(crate) fn json(text: impl Into<String>) -> Response {
    Response::builder().header("content-type", "application/json").body(Body::from(text.into())).unwrap()
}
