"""The pages of the browser, in plain functions: each draws its part of one run of app/browser.py.

Text of notes is anybody's. It is drawn by `st.text` and as `alt` of pictures, which know no markup; never as
Markdown, in which Streamlit would also fetch pictures from other machines. Labels are fixed words of ours.
"""
