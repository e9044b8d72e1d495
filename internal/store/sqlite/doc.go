// Package sqlite keeps records in one SQLite file, for one machine or a small
// team behind one process.
//
// # The file
//
// application_id is 0x4b796662 ("Kyfb"), user_version the format, which is the
// number of the newest migration. Times are microseconds since 1970 in UTC, the
// zero time is 0; owners are their text form ("user:local"); maps and lists are
// JSON. Values are sealed before they come here. The write-ahead log (-wal) and
// its index (-shm) stand beside the file; all three are of mode 0600.
//
// # What callers may rely on
//
// Update returns nil only after the commit is flushed to the disk
// (synchronous=FULL). Writers queue for at most five seconds (BEGIN IMMEDIATE),
// then get unavailable; readers wait for nobody. Each transaction checks the
// format first, so a process that stayed up while a newer Keyfob changed the
// format stops with a clear error and touches nothing. Deleted content is
// overwritten with zeros (secure_delete) when the log is next checkpointed, at
// the latest when the last process closes the file.
//
// A file that is moved, deleted or replaced while it is open is neither read nor
// written any more (unavailable, reason "store_moved") until it is back; so is one
// whose -wal or -shm is. Where -wal or -shm was removed, Close still brings into
// the file what was acknowledged, unless another process has written meanwhile.
//
// Network file systems are refused: SQLite's locks and shared memory do not hold
// between machines. Known ones are NFS, SMB/CIFS, AFS, Coda, Ceph, Lustre, GPFS,
// OCFS2, GFS2, 9P, virtiofs and FUSE's sshfs, s3fs, rclone and their like on
// Linux; whatever is not marked local on macOS; remote drives and UNC paths on
// Windows. Elsewhere there is no check.
package sqlite
