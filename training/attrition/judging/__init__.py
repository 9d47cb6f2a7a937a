"""How an exit probability is judged: metrics, survival metrics, references, back-test, alarms."""
