"""A leaderboard as a folder of web pages: no server, nothing from elsewhere, opens from disk."""
