//! The VLANs of an interface, as its `<vlan>` has them.

/// `<vlan>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    /// The tags, in the file's order.
    pub tags: Vec<u16>,
    /// Whether the guest is to see them, though there be only one.
    pub says_trunk: bool,
    /// The one of a trunk whose frames the guest sends without a tag.
    pub native: Option<Native>,
}

/// `<tag id='…' nativeMode='…'/>`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Native {
    pub tag: u16,
    /// Whether the guest gets its frames with the tag, all the same.
    pub is_tagged: bool,
}

impl Vlans {
    /// Whether the guest sees tags (virNetDevVlanParse in conf/netdev_vlan_conf.c).
    pub fn is_trunk(&self) -> bool {
        self.says_trunk || self.tags.len() > 1
    }
}
