"""What is known of mammography in general: a glossary, and how a question finds its entries."""
