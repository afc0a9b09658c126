"""Pages whose images no plain `img` shows: WebGL, CSS, revoked blobs, closed shadow roots, frames."""

from __future__ import annotations

from tests.extension.gallery_site import section
from tests.site import Site, page

AWAY = "pictures.localhost"  # another site, for which the extension has no permission
# As imaging viewers draw: one frame, and no preserveDrawingBuffer, so that reading the canvas later gives nothing.
WEBGL = """<canvas id=gl width=320 height=320></canvas><script>
const image = new Image();
image.onload = () => {
  const gl = document.querySelector("#gl").getContext("webgl");
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, `attribute vec2 p; varying vec2 v;
      void main() { v = vec2(p.x, 1. - p.y); gl_Position = vec4(p * 2. - 1., 0, 1); }`],
    [gl.FRAGMENT_SHADER, `precision mediump float; varying vec2 v; uniform sampler2D t;
      void main() { gl_FragColor = texture2D(t, v); }`],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.bindAttribLocation(program, 0, "p");
  gl.vertexAttribPointer(gl.getAttribLocation(program, "p"), 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
  gl.drawArrays(gl.TRIANGLES, 0, 6);
  setTimeout(() => (document.title = "drawn"), 300);
};
image.src = "/drawn/0.png";
</script>"""
# Revoked addresses, of an element and of a background; a canvas with another site's pixels.
REVOKED = """<img id=img width=200><div id=div style="width:200px;height:200px"></div>
<canvas id=tainted width=200 height=200></canvas><script>
(async () => {
  const blobOf = async (number) => URL.createObjectURL(await (await fetch(`/drawn/${number}.png`)).blob());
  const [one, other] = [await blobOf(1), await blobOf(2)];
  img.src = one;
  div.style.background = `url(${other}) 0 0 / cover`;
  await img.decode();
  const away = new Image();
  away.src = "AWAY/drawn/3.png";
  await away.decode();
  tainted.getContext("2d").drawImage(away, 0, 0, 200, 200);
  await new Promise((resolve) => setTimeout(resolve, 500));
  URL.revokeObjectURL(one);
  URL.revokeObjectURL(other);
  document.title = "drawn";
})();
</script>"""
STYLE = """<style>div { width: 200px; height: 200px; margin: 9px }
#set { background: image-set(url(/drawn/0.png) 1x, url(/drawn/9.png) 3x) }
#border { box-sizing: border-box; border: 60px solid; border-image: url(/drawn/1.png) 30 }
#before::before { content: url(/drawn/2.png) } #mask { background: #000; mask-image: url(/drawn/3.png) }</style>"""
SHADOW = """<script>
const inside = new Image(200, 200);
inside.src = "/drawn/5.png";
hidden.attachShadow({ mode: "closed" }).append(inside);
</script>"""
CSS = (
    STYLE,
    "<div id=set></div><div id=border></div><div id=before></div><div id=mask></div>",
    "<svg width=200 height=200><defs><symbol id=s><image href='/drawn/4.png' width=200 height=200 /></symbol></defs>"
    "<use href='#s'/></svg>",
    "<div id=hidden></div>",
    SHADOW,
    "<iframe srcdoc=\"<img src='/drawn/6.png'>\"></iframe>",
)
CSS_IMAGES = 7


def drawn(site: Site) -> None:
    """/drawn/css, /drawn/webgl, /drawn/far (the same below the fold), /drawn/revoked, /drawn/frames and the images of each."""
    for number in range(10):
        site.add(f"/drawn/{number}.png", section(number), "image/png")
    site.add("/drawn/css", page(*CSS, title="drawn"))
    site.add("/drawn/webgl", page("<h1>Viewer</h1>", WEBGL))
    site.add("/drawn/far", page("<div style='height:3000px'></div>", WEBGL))
    site.add("/drawn/revoked", page(REVOKED.replace("AWAY", site.url("", AWAY))))
    site.add("/drawn/inner", page("<img src=/drawn/8.png>"))
    frames = f"<img src=/drawn/7.png><iframe src='{site.url('/drawn/inner', AWAY)}' width=300 height=200></iframe>"
    site.add("/drawn/frames", page(frames, title="drawn"))
