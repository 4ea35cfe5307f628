// Draws pictures with WebGL2: 16-bit values in an integer texture, window and level in the shader.
// A picture is cut into tiles, the layers of one array texture, so that no size is too large.

import { transform } from './geometry.js';
import { levelFor } from './loading.js';

const BITS = 9; // a tile has 512 x 512 values
const TILE = 1 << BITS;

const VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2DArray;
uniform usampler2DArray values;
uniform ivec4 level;    // width, height, tiles across, first layer
uniform vec4 place;     // ox, oy, 1 / sx, 1 / sy, to pixels of the level
uniform float height;   // of the drawing
uniform vec4 window;    // slope, intercept, center, width
uniform ivec4 how;      // kind, inverse, invert, smooth
uniform ivec2 padding;  // values from..to
out vec4 shade;

int at(ivec2 p) {
  p = clamp(p, ivec2(0), level.xy - 1);
  ivec2 tile = p >> ${BITS};
  ivec2 inside = p & ${TILE - 1};
  return int(texelFetch(values, ivec3(inside, level.w + tile.y * level.z + tile.x), 0).r);
}

bool pads(int value) { return value >= padding.x && value <= padding.y; }

void main() {
  vec2 screen = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 p = (screen - place.xy) * place.zw;
  if (any(lessThan(p, vec2(0.0))) || any(greaterThanEqual(p, vec2(level.xy)))) {
    shade = vec4(0.0, 0.0, 0.0, 1.0);
    return;
  }
  int nearest = at(ivec2(floor(p)));
  float value = float(nearest);
  if (how.w == 1) {
    vec2 corner = floor(p - 0.5);
    vec2 f = p - 0.5 - corner;
    ivec2 c = ivec2(corner);
    int v00 = at(c), v10 = at(c + ivec2(1, 0)), v01 = at(c + ivec2(0, 1)), v11 = at(c + 1);
    if (!(pads(v00) || pads(v10) || pads(v01) || pads(v11)))
      value = mix(mix(float(v00), float(v10), f.x), mix(float(v01), float(v11), f.x), f.y);
  }
  float units = value * window.x + window.y;
  float t;
  if (how.x == 2) t = 1.0 / (1.0 + exp(clamp(-4.0 * (units - window.z) / window.w, -80.0, 80.0)));
  else if (how.x == 1) t = clamp((units - window.z) / window.w + 0.5, 0.0, 1.0);
  else if (window.w <= 1.0) t = units > window.z - 0.5 ? 1.0 : 0.0;
  else t = clamp((units - (window.z - 0.5)) / (window.w - 1.0) + 0.5, 0.0, 1.0);
  if (how.y == 1) t = 1.0 - t;
  if (pads(nearest)) t = 0.0;
  if (how.z == 1) t = 1.0 - t;
  shade = vec4(vec3(floor(t * 255.0 + 0.5) / 255.0), 1.0);
}`;

const KINDS = { LINEAR: 0, LINEAR_EXACT: 1, SIGMOID: 2 };

/** Draws on a canvas; throws if WebGL2 cannot be had. */
export class GpuRenderer {
  constructor(canvas) {
    const options = { alpha: false, antialias: false, depth: false, powerPreference: 'low-power' };
    const gl = canvas.getContext('webgl2', options);
    if (!gl) throw new Error('no WebGL2');
    this.gl = gl;
    this.canvas = canvas;
    this.textures = new Map();
    this.program = link(gl);
    this.at = (name) => gl.getUniformLocation(this.program, name);
    this.uniforms = Object.fromEntries(
      ['level', 'place', 'height', 'window', 'how', 'padding'].map((name) => [name, this.at(name)]),
    );
    const corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(this.program, 'corner');
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.enable(gl.SCISSOR_TEST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 2);
  }

  get name() {
    const told = this.gl.getExtension('WEBGL_debug_renderer_info');
    return `WebGL2, ${told ? this.gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : 'unnamed'}`;
  }

  /** Forget the textures of a picture, or of all. */
  forget(number) {
    for (const [key, texture] of this.textures) {
      if (number !== undefined && key !== number) continue;
      this.gl.deleteTexture(texture.id);
      this.textures.delete(key);
    }
  }

  draw(cells, looks) {
    const { gl } = this;
    gl.scissor(0, 0, this.canvas.width, this.canvas.height);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    for (const cell of cells) this.drawCell(cell, looks(cell.picture));
  }

  drawCell(cell, { window, invert }) {
    const { gl, uniforms } = this;
    const { picture, rect } = cell;
    const level = levelFor(picture, Math.abs(cell.view.scale));
    if (level === null) return;
    const found = this.texture(picture).layers[level];
    const { ox, oy, sx, sy } = transform(cell);
    const shrunk = 2 ** level;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture(picture).id);
    gl.uniform4i(uniforms.level, found.width, found.height, found.across, found.first);
    gl.uniform4f(uniforms.place, ox, oy, 1 / (sx * shrunk), 1 / (sy * shrunk));
    gl.uniform1f(uniforms.height, this.canvas.height);
    gl.uniform4f(
      uniforms.window, picture.slope, picture.intercept, window.center, window.width,
    );
    gl.uniform4i(uniforms.how, KINDS[window.kind], +picture.inverse, +invert, 1);
    gl.uniform2i(uniforms.padding, ...(picture.padding ?? [1, 0]));
    gl.scissor(rect.x, this.canvas.height - rect.y - rect.h, rect.w, rect.h);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  texture(picture) {
    const levels = Object.entries(picture.levels);
    const known = this.textures.get(picture.number);
    if (known && known.of === picture.levels && known.count === levels.length) return known;
    this.forget(picture.number);
    const made = this.upload(levels);
    made.of = picture.levels;
    made.count = levels.length;
    this.textures.set(picture.number, made);
    return made;
  }

  upload(levels) {
    const { gl } = this;
    const layers = {};
    let count = 0;
    for (const [level, { width, height }] of levels) {
      const across = Math.ceil(width / TILE);
      layers[level] = { width, height, across, first: count };
      count += across * Math.ceil(height / TILE);
    }
    const id = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, id);
    for (const side of ['MIN', 'MAG']) {
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl[`TEXTURE_${side}_FILTER`], gl.NEAREST);
    }
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.R16UI, TILE, TILE, count);
    for (const [level, { data, width, height }] of levels) {
      gl.pixelStorei(gl.UNPACK_ROW_LENGTH, width);
      let layer = layers[level].first;
      for (let y = 0; y < height; y += TILE) {
        for (let x = 0; x < width; x += TILE) {
          gl.texSubImage3D(
            gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer++,
            Math.min(TILE, width - x), Math.min(TILE, height - y), 1,
            gl.RED_INTEGER, gl.UNSIGNED_SHORT, data.subarray(y * width + x),
          );
        }
      }
    }
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    return { id, layers };
  }

  /** Return the shades [rows, columns] in a rectangle of the canvas, just drawn. */
  read({ x, y, w, h }) {
    const bytes = new Uint8Array(4 * w * h);
    this.gl.readPixels(
      x, this.canvas.height - y - h, w, h, this.gl.RGBA, this.gl.UNSIGNED_BYTE, bytes,
    );
    const rows = [];
    for (let row = h - 1; row >= 0; row--) {
      rows.push(Array.from({ length: w }, (_, column) => bytes[4 * (row * w + column)]));
    }
    return rows;
  }
}

const link = (gl) => {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
      throw new Error(gl.getShaderInfoLog(shader));
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
};
