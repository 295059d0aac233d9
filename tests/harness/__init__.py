"""What every system test needs: a runner, a scratch folder, a server, and a way to attach its disk to this host."""
