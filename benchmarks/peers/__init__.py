"""What one would use instead of bulkdel, as it is usually written: one small script each.

All of them take the file of IDs and the base URL, and the key as ``API_KEY``. None of
them retries, keeps a log or resumes, where its file does not say so.
"""
