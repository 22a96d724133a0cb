"""The page of `untuned explore`: results of studies in the browser, on this machine alone.

    data      what the page shows: read, filtered and summarised by `analysis`
    figures   its figures, as plain data for Plotly
    page      its layout and what happens when the user chooses something (Dash)
    server    serves it on loopback

Only `page` imports Dash, which is in the extra ``explore``.
"""
