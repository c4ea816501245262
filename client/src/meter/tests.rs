use super::*;
use futures_util::{SinkExt, sink, stream};
use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::advance;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span, subscriber};

/// The texts of what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("snowflake_client")
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
                self.0 = format!("{value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// A carrier that brings `messages` and takes everything.
fn carrier(
    messages: &[&'static str],
    meter: &Arc<Meter>,
) -> Metered<impl Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin + use<>>
{
    let messages: Vec<_> =
        messages.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect();
    let taking = sink::drain().sink_map_err(|never| -> io::Error { match never {} });
    Metered::new(Both(stream::iter(messages), taking), meter.clone())
}

/// A stream and a sink in one.
struct Both<I, O>(I, O);

impl<I: Stream + Unpin, O: Unpin> Stream for Both<I, O> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl<I: Unpin, O: Sink<Bytes> + Unpin> Sink<Bytes> for Both<I, O> {
    type Error = O::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_ready_unpin(cx)
    }
    fn start_send(mut self: Pin<&mut Self>, item: Bytes) -> Result<(), O::Error> {
        self.1.start_send_unpin(item)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_flush_unpin(cx)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), O::Error>> {
        self.1.poll_close_unpin(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn traffic_is_logged_every_five_seconds_if_there_is_any() {
    let log = Log::default();
    let _guard = subscriber::set_default(log.clone());
    let meter = Arc::<Meter>::default();
    let mut one = carrier(&["hello", "tor"], &meter);
    let mut two = carrier(&["!"], &meter);
    assert_eq!(meter.proxies(), 2);
    one.send(Bytes::from_static(b"bridge")).await.unwrap();
    assert!(one.next().await.is_some() && one.next().await.is_some());
    assert!(one.next().await.is_none(), "the end is no message");
    advance(Duration::from_millis(4999)).await;
    assert!(two.next().await.is_some());
    assert!(log.taken().is_empty());
    advance(Duration::from_millis(1)).await;
    two.send(Bytes::from_static(b"now")).await.unwrap();
    assert_eq!(log.taken(), ["Traffic Bytes (in|out): 9 | 9 -- (3 OnMessages, 2 Sends)"]);
    // Nothing, so nothing; then what comes after that.
    advance(Duration::from_secs(60)).await;
    assert!(log.taken().is_empty());
    two.send(Bytes::from_static(b"more")).await.unwrap();
    assert_eq!(log.taken(), ["Traffic Bytes (in|out): 0 | 4 -- (0 OnMessages, 1 Sends)"]);
    one.send(Bytes::from_static(b"much")).await.unwrap();
    assert!(log.taken().is_empty(), "the last line was just now");
}

#[tokio::test]
async fn a_proxy_that_is_let_go_of_is_counted_and_said() {
    let log = Log::default();
    let _guard = subscriber::set_default(log.clone());
    let meter = Arc::<Meter>::default();
    let (one, two) = (carrier(&[], &meter), carrier(&[], &meter));
    let events = crate::events::Events::default();
    let look = || events.tell(crate::Event::Connecting { proxies: meter.proxies(), wanted: 3 });
    look();
    drop(one);
    look();
    drop(two);
    assert_eq!(meter.proxies(), 0);
    let collecting =
        |there| format!("WebRTC: Collecting a new Snowflake. Currently at [{there}/3]");
    let closing = "WebRTC: Closing".to_owned();
    assert_eq!(log.taken(), [collecting(2), closing.clone(), collecting(1), closing]);
}
