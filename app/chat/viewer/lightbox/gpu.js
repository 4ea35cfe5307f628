// Draws pictures with WebGL2: 16-bit values in an integer texture, window and level in the shader.
// A picture is cut into tiles, the layers of one array texture, so that no size is too large.

import { transform } from './geometry.js';
import { levelFor } from './loading.js';

const BITS = 9; // a tile has 512 x 512 values
const TILE = 1 << BITS;

const VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

// First the values under the pixels of the screen, 256 times as fine, or OUTSIDE the picture. They
// stay as they are while only the window changes.
const SAMPLE = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2DArray;
uniform usampler2DArray values;
uniform ivec4 level;    // width, height, tiles across, first layer
uniform vec4 place;     // ox, oy, 1 / sx, 1 / sy, to pixels of the level
uniform float height;   // of the drawing
uniform ivec2 padding;  // values from..to
out uvec4 sampled;

uint at(ivec2 p) {
  p = clamp(p, ivec2(0), level.xy - 1);
  ivec2 tile = p >> ${BITS};
  ivec2 inside = p & ${TILE - 1};
  return texelFetch(values, ivec3(inside, level.w + tile.y * level.z + tile.x), 0).r;
}

bool pads(uint value) { return int(value) >= padding.x && int(value) <= padding.y; }

void main() {
  vec2 screen = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 p = (screen - place.xy) * place.zw;
  sampled = uvec4(0xffffffffu);
  if (any(lessThan(p, vec2(0.0))) || any(greaterThanEqual(p, vec2(level.xy)))) return;
  vec2 corner = floor(p - 0.5);
  vec2 f = p - 0.5 - corner;
  ivec2 c = ivec2(corner);
  uint v00 = at(c), v10 = at(c + ivec2(1, 0)), v01 = at(c + ivec2(0, 1)), v11 = at(c + 1);
  if (pads(v00) || pads(v10) || pads(v01) || pads(v11)) {
    sampled = uvec4(at(ivec2(floor(p))) * 256u);
    return;
  }
  vec2 rows = mix(vec2(v00, v01), vec2(v10, v11), f.x);
  sampled = uvec4(uint(mix(rows.x, rows.y, f.y) * 256.0 + 0.5));
}`;

// Then their shades: the functions of DICOM PS3.3 C.11.2.1.2, as in windows.js.
const SHADE = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D sampled;
uniform vec4 window;    // slope, intercept, center, width
uniform ivec4 how;      // kind, inverse, invert
uniform ivec2 padding;
out vec4 shade;

void main() {
  uint found = texelFetch(sampled, ivec2(gl_FragCoord.xy), 0).r;
  if (found == 0xffffffffu) {
    shade = vec4(0.0, 0.0, 0.0, 1.0);
    return;
  }
  float value = float(found) / 256.0;
  float units = value * window.x + window.y;
  float t;
  if (how.x == 2) t = 1.0 / (1.0 + exp(clamp(-4.0 * (units - window.z) / window.w, -80.0, 80.0)));
  else if (how.x == 1) t = clamp((units - window.z) / window.w + 0.5, 0.0, 1.0);
  else if (window.w <= 1.0) t = units > window.z - 0.5 ? 1.0 : 0.0;
  else t = clamp((units - (window.z - 0.5)) / (window.w - 1.0) + 0.5, 0.0, 1.0);
  if (how.y == 1) t = 1.0 - t;
  if (value >= float(padding.x) && value <= float(padding.y)) t = 0.0;
  if (how.z == 1) t = 1.0 - t;
  shade = vec4(vec3(floor(t * 255.0 + 0.5) / 255.0), 1.0);
}`;

const KINDS = { LINEAR: 0, LINEAR_EXACT: 1, SIGMOID: 2 };

// drawn by the processor: canvas 2D then takes half of the time (docs/light_box.md)
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render|software/i;

/** Draws on a canvas; throws if WebGL2 cannot be had, or not from a graphics card unless forced. */
export class GpuRenderer {
  constructor(canvas, forced) {
    const options = { alpha: false, antialias: false, depth: false, powerPreference: 'low-power' };
    const gl = canvas.getContext('webgl2', options);
    if (!gl) throw new Error('no WebGL2');
    this.gl = gl;
    if (!forced && SOFTWARE.test(this.name)) throw new Error('no graphics card');
    this.canvas = canvas;
    this.textures = new Map();
    this.sampling = link(gl, SAMPLE, ['values', 'level', 'place', 'height', 'padding']);
    this.shading = link(gl, SHADE, ['sampled', 'window', 'how', 'padding']);
    this.target = gl.createFramebuffer();
    const corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
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
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (this.sampled?.width !== canvas.width || this.sampled?.height !== canvas.height) {
      this.makeTarget(canvas.width, canvas.height);
    }
    const ready = cells.filter((cell) => levelFor(cell.picture, cell.view.scale) !== null);
    for (const cell of ready) this.sample(cell);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.scissor(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.shading.program);
    gl.bindTexture(gl.TEXTURE_2D, this.sampled.id);
    for (const cell of ready) this.shade(cell, looks(cell.picture));
  }

  /** Make the texture of sampled values, as large as the canvas. */
  makeTarget(width, height) {
    const { gl } = this;
    gl.deleteTexture(this.sampled?.id ?? null);
    this.sampled = { id: gl.createTexture(), width, height };
    this.known = new WeakMap();
    gl.bindTexture(gl.TEXTURE_2D, this.sampled.id);
    smoothNothing(gl, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R32UI, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(
      gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.sampled.id, 0);
  }

  /** Sample the values of a cell, unless nothing has moved. */
  sample(cell) {
    const { gl } = this;
    const { picture } = cell;
    const level = levelFor(picture, cell.view.scale);
    const texture = this.texture(picture);
    const { ox, oy, sx, sy } = transform(cell);
    const key = [ox, oy, sx, sy, level, ...Object.values(cell.rect)].join();
    const known = this.known.get(cell);
    if (known?.key === key && known.texture === texture) return;
    this.known.set(cell, { key, texture });
    const { uniforms, program } = this.sampling;
    const { width, height, across, first } = texture.layers[level];
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.useProgram(program);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture.id);
    gl.uniform4i(uniforms.level, width, height, across, first);
    gl.uniform4f(uniforms.place, ox, oy, 1 / (sx * 2 ** level), 1 / (sy * 2 ** level));
    gl.uniform1f(uniforms.height, this.canvas.height);
    gl.uniform2i(uniforms.padding, ...(picture.padding ?? [1, 0]));
    this.fill(cell.rect);
  }

  shade({ picture, rect }, { window, invert }) {
    const { gl } = this;
    const { uniforms } = this.shading;
    gl.uniform4f(uniforms.window, picture.slope, picture.intercept, window.center, window.width);
    gl.uniform4i(uniforms.how, KINDS[window.kind], +picture.inverse, +invert, 0);
    gl.uniform2i(uniforms.padding, ...(picture.padding ?? [1, 0]));
    this.fill(rect);
  }

  fill({ x, y, w, h }) {
    this.gl.scissor(x, this.canvas.height - y - h, w, h);
    this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
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
    smoothNothing(gl, gl.TEXTURE_2D_ARRAY);
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

  /** Return the shades of a rectangle of the canvas, row by row, just drawn. */
  read({ x, y, w, h }) {
    const { gl, canvas } = this;
    const bytes = new Uint8Array(4 * w * h);
    gl.readPixels(x, canvas.height - y - h, w, h, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    // its rows run upwards
    return Uint8Array.from({ length: w * h }, (_, i) =>
      bytes[4 * ((h - 1 - Math.floor(i / w)) * w + (i % w))]);
  }
}

/** Whole numbers cannot be mixed by the texture itself. */
const smoothNothing = (gl, kind) => {
  gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
};

const link = (gl, fragment, names) => {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, 'corner');
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  const uniforms = Object.fromEntries(
    names.map((name) => [name, gl.getUniformLocation(program, name)]));
  return { program, uniforms };
};
