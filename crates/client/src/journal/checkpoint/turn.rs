//! Whose turn it is to vouch: of the devices of one account one is enough.

use crannog_proto::DeviceId;

/// So many entries after a checkpoint the next device has its turn, if the one before was away.
const APART: u64 = 64;

/// How many entries have to follow a checkpoint before this device vouches for it. Its author comes first, the others in another order each time.
pub(super) fn entries_before(
    mine: &DeviceId,
    author: Option<&DeviceId>,
    devices: impl Iterator<Item = DeviceId>,
    through: u64,
) -> u64 {
    let place = usize::try_from(through % 16).unwrap_or_default();
    let order = |device: &DeviceId| {
        let turn = device.0.get(place).copied();
        (author != Some(device), turn, device.0)
    };
    let own = order(mine);
    let before = devices.filter(|device| order(device) < own).count() as u64;
    before.saturating_mul(APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_at_a_time() {
        let devices: Vec<DeviceId> = (0..4).map(|nth| DeviceId([nth * 50 + 1; 16])).collect();
        let turns = |author: Option<&DeviceId>, through| {
            let turn = |mine| entries_before(mine, author, devices.iter().copied(), through);
            devices.iter().map(turn).collect::<Vec<u64>>()
        };
        assert_eq!(turns(None, 7), [0, 64, 128, 192]);
        assert_eq!(turns(devices.get(2), 7), [64, 128, 0, 192]);
        // The author is somebody else.
        assert_eq!(turns(Some(&DeviceId([9; 16])), 7), [0, 64, 128, 192]);
    }

    #[test]
    fn another_one_is_first_each_time() {
        let mut one = DeviceId([1; 16]);
        let other = DeviceId([2; 16]);
        one.0[3] = 200;
        let before = |mine, through| entries_before(mine, None, [one, other].into_iter(), through);
        assert_eq!((before(&one, 16), before(&other, 16)), (0, 64));
        assert_eq!((before(&one, 19), before(&other, 19)), (64, 0));
    }
}
