"""What a suite will take, before it is submitted: its jobs, hours, disk and memory."""
