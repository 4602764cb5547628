"""Running a plan: keys, store, devices, components made ready, cells executed, results committed."""
