//! libvirt's callbacks, for which the bindings have no safe wrapper. The only unsafe code of this program.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::mem::transmute;

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::Error;
use virt::sys;

use crate::agenda::Agenda;

/// The callbacks of one connection. They hold the connection open, so it ends after this has been dropped.
pub struct Subscription<'c> {
    connection: &'c Connect,
    lifecycle: c_int,
}

/// Lets `agenda` hear of every domain that is defined, undefined or started, and of the connection's end.
///
/// # Errors
/// libvirt's own.
pub fn subscribe<'c>(connection: &'c Connect, agenda: &'static Agenda) -> Result<Subscription<'c>, Error> {
    let opaque: *mut c_void = std::ptr::from_ref(agenda).cast_mut().cast();
    // SAFETY: libvirt casts every event's callback to this type (VIR_DOMAIN_EVENT_CALLBACK in libvirt-domain.h), and
    // calls it as what VIR_DOMAIN_EVENT_ID_LIFECYCLE says, which is the type of `on_lifecycle`.
    let callback = unsafe {
        transmute::<sys::virConnectDomainEventCallback, sys::virConnectDomainEventGenericCallback>(Some(on_lifecycle))
    };
    // SAFETY: `connection` is open for longer than the subscription; no domain means all; the agenda lives for ever,
    // so there is nothing to free.
    let lifecycle = unsafe {
        let all = std::ptr::null_mut();
        let event = sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE as c_int;
        sys::virConnectDomainEventRegisterAny(connection.as_ptr(), all, event, callback, opaque, None)
    };
    if lifecycle < 0 {
        return Err(Error::last_error());
    }
    let subscription = Subscription { connection, lifecycle };
    // SAFETY: as above.
    let registered = unsafe { sys::virConnectRegisterCloseCallback(connection.as_ptr(), Some(on_close), opaque, None) };
    if registered < 0 { Err(Error::last_error()) } else { Ok(subscription) }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        // That they fail on a connection that is lost does not matter: what this side holds is given up first
        // (virObjectEventStateDeregisterID in src/conf/object_event.c).
        // SAFETY: the connection is still open, and both were registered with it.
        unsafe {
            sys::virConnectUnregisterCloseCallback(self.connection.as_ptr(), Some(on_close));
            sys::virConnectDomainEventDeregisterAny(self.connection.as_ptr(), self.lifecycle);
        }
    }
}

unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    let mut uuid = [0; 16];
    // SAFETY: libvirt lends the domain for the time of this call, and a UUID has VIR_UUID_BUFLEN = 16 bytes.
    let known = unsafe { sys::virDomainGetUUID(domain, uuid.as_mut_ptr()) } == 0;
    // SAFETY: `subscribe` was given an agenda that lives for ever.
    let agenda = unsafe { &*opaque.cast::<Agenda>() };
    match event as sys::virDomainEventType {
        sys::VIR_DOMAIN_EVENT_DEFINED | sys::VIR_DOMAIN_EVENT_STARTED if known => {
            agenda.add(|items| items.changed(Uuid::from_bytes(uuid)));
        }
        sys::VIR_DOMAIN_EVENT_UNDEFINED if known => agenda.add(|items| items.gone(Uuid::from_bytes(uuid))),
        _ => {}
    }
    0
}

unsafe extern "C" fn on_close(_: sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: `subscribe` was given an agenda that lives for ever.
    unsafe { &*opaque.cast::<Agenda>() }.add(|items| items.disconnected = true);
}
