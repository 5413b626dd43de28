//! A file on its way into a drive: where it goes, and what is known of it before its chunks come.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crannog_core::content::{Content, OpenedLeaf};
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId, VersionId};

use crate::db::FileStamp;

/// Where a file goes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A new file.
    Create {
        node: NodeId,
        parent: NodeId,
        name: String,
    },
    /// A new version.
    Write { node: NodeId, base: VersionId },
    /// The same version, in other packs.
    Repack { node: NodeId },
}

/// What is known of a file before its chunks come.
#[derive(Debug)]
pub(crate) struct FileHead {
    pub(crate) target: Target,
    /// The new version's id.
    pub(crate) version: VersionId,
    pub(crate) attrs: Attrs,
    pub(crate) size: u64,
    /// The local file, for resuming; `None` for standard input.
    pub(crate) local: Option<(Vec<u8>, FileStamp)>,
    /// The version before, whose chunks may be cited again.
    pub(crate) previous: Option<VersionId>,
    /// Its leaves.
    pub(crate) leaves: Vec<OpenedLeaf>,
}

impl FileHead {
    pub(crate) fn local(path: &Path, stamp: FileStamp) -> Option<(Vec<u8>, FileStamp)> {
        Some((path.as_os_str().as_bytes().to_vec(), stamp))
    }

    /// The operation that gives the file a content whose blobs are on the server already.
    pub(crate) fn citing(self, content: Content) -> DriveOp {
        let (attrs, version) = (self.attrs, self.version);
        match self.target {
            Target::Create { node, parent, name } => DriveOp::Create {
                node,
                parent,
                name,
                attrs,
                new: NewNode::File { version, content },
            },
            Target::Write { node, base } => DriveOp::Write {
                node,
                base,
                version,
                attrs,
                content,
            },
            Target::Repack { node } => DriveOp::Repack {
                node,
                version,
                content,
            },
        }
    }
}
