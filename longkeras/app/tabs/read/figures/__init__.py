"""The figures of the *Read* tab, as HTML. Text from users and models is escaped."""
