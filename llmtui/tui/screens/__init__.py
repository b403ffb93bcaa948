"""The screens: home, session, and the pages that open above them."""
